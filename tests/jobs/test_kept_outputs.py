# SPDX-License-Identifier: BSD-3-Clause
"""What is kept of a pose: every number against plain NumPy on E, poses without a field, refusals."""

import dataclasses
import pickle

import numpy as np
import pytest

import headfield as hf
from headfield.heads.location import locate
from headfield.jobs.outputs import Outputs, decoded

K = 3
AT = "0,0,64"


@pytest.fixture(scope="module")
def model():
    mesh = hf.sphere_mesh(radii_mm=[56, 74, 80, 86], tags=[1, 2, 4, 5], edge_mm=13)
    return hf.HeadModel(mesh, threads=1)


@pytest.fixture(scope="module")
def poses(model):
    return hf.ring(hf.place(model.mesh, [0, 0, 86], [0, 50, 86]), np.linspace(0, 90, K))


@pytest.fixture(scope="module")
def solved(model, poses):
    """The field in all tetrahedra, as of a user who knows nothing of what is kept."""
    return model.solve(hf.figure_of_eight(), poses, 2e6, tol="auto")


def bound(model, **what):
    return Outputs(**what).bind(model.mesh)


def share_below(values, weights, percent):
    """The smallest value that this share of the weight does not exceed, one number after the other."""
    reached = 0.0
    for i in np.argsort(values, kind="stable"):
        reached += weights[i]
        if reached >= percent / 100 * weights.sum() * (1 - 1e-12):
            return values[i]
    raise AssertionError


def test_every_number_is_that_of_numpy_on_the_stored_field(model, solved):
    mesh = model.mesh
    made = bound(model, target=AT, target_radius_mm=12, percentiles=(10, 99)).of(solved)
    gray = np.flatnonzero(mesh.tags == 2)
    volumes, centres = mesh.volumes_mm3()[gray], mesh.barycentres_mm()[gray]
    inside = np.linalg.norm(centres - [0, 0, 64], axis=1) <= 12
    nearest = np.linalg.norm(centres - [0, 0, 64], axis=1).argmin()
    for i in range(K):
        strength = np.linalg.norm(solved.E[i, gray].astype(np.float64), axis=1)
        peak = share_below(strength, volumes, 99.9)
        expected = {
            "peak_magnE_V_per_m": peak,
            "max_magnE_V_per_m": strength.max(),
            "mean_magnE_V_per_m": (strength * volumes).sum() / volumes.sum(),
            "p10_magnE_V_per_m": share_below(strength, volumes, 10),
            "p99_magnE_V_per_m": share_below(strength, volumes, 99),
            "focality_50_mm3": volumes[strength >= peak / 2].sum(),
            "focality_75_mm3": volumes[strength >= 0.75 * peak].sum(),
            "target_mean_magnE_V_per_m": np.average(strength[inside], weights=volumes[inside]),
            "target_max_magnE_V_per_m": strength[inside].max(),
            "target_point_magnE_V_per_m": strength[nearest],
            "iterations": solved.report.iterations[i],
            "residual": solved.report.residual[i],
            "discretisation_error": solved.report.discretisation_error[i],
        }
        for name, value in expected.items():
            assert made[name][i] == pytest.approx(value, rel=1e-5), name
        place = [made[f"max_{axis}_mm"][i] for axis in "xyz"]
        np.testing.assert_allclose(place, centres[strength.argmax()])
    assert made["converged"].all()
    assert made.keys() == set(expected) | {"converged", "max_x_mm", "max_y_mm", "max_z_mm"}


def test_focality_is_that_of_the_metrics(model, solved):
    made = bound(model).of(solved)
    gray = np.flatnonzero(model.mesh.tags == 2)
    volumes = model.mesh.volumes_mm3()[gray]
    np.testing.assert_array_equal(
        made["focality_50_mm3"], hf.metrics.focality(solved.magnitude[:, gray], volumes)
    )
    np.testing.assert_array_equal(
        made["focality_75_mm3"], hf.metrics.focality(solved.magnitude[:, gray], volumes, 0.75)
    )


def test_a_batch_of_what_is_wanted_has_the_bits_of_the_whole_field(model, poses, solved):
    kept = bound(model, keep=["metrics", "E"], target=AT, roi="sphere:0,0,60,20", tissues=[2])
    (part,) = model.iter_solve(hf.figure_of_eight(), poses, 2e6, elements=kept.elements, tol="auto")
    here, whole = kept.of(part), kept.of(solved)
    assert here["E"].shape == (K, len(kept.region), 3)
    for name in {*kept.columns, "E"} - {"discretisation_error"}:  # that is over where E was asked for
        np.testing.assert_array_equal(here[name], whole[name])
    np.testing.assert_array_equal(here["E"], solved.E[:, kept.region.elements])
    assert set(kept.columns) == here.keys() - {"E"}


def test_a_target_outside_of_the_region_is_solved_with_it(model, solved):
    kept = bound(model, roi="sphere:0,0,-60,12", target=AT, target_radius_mm=8)
    assert len(kept.elements) == len(kept.region) + len(kept.target)
    assert kept.of(solved)["target_max_magnE_V_per_m"][0] > 2 * kept.of(solved)["max_magnE_V_per_m"][0]


def test_the_normal_component_of_a_mid_layer_target(model, solved):
    made = bound(model, target="mid-layer:0,0,64,25").of(solved)
    layer = hf.regions.mid_layer(model.mesh)
    near = np.linalg.norm(layer.centres_mm - [0, 0, 64], axis=1) <= 25
    E = solved.E[:, layer.elements[near]].astype(np.float64)
    along = np.einsum("kpd,pd->kp", E, layer.normals[near])
    expected = np.average(along, axis=1, weights=layer.weights[near])
    np.testing.assert_allclose(made["target_mean_normal_E_V_per_m"], expected, rtol=1e-6, atol=1e-9)


def test_a_region_of_points_keeps_those_and_takes_its_target_from_them(model, poses):
    kept = bound(model, keep=["metrics", "magnE"], roi="mid-layer", target=AT, target_radius_mm=25)
    assert kept.elements is None
    (part,) = model.iter_solve(hf.figure_of_eight(), poses, 2e6, roi=kept.roi)
    made = kept.of(part)
    near = np.linalg.norm(kept.roi.centres_mm - [0, 0, 64], axis=1) <= 25
    strength = np.linalg.norm(part.E, axis=2)
    expected = np.average(strength[:, near], axis=1, weights=kept.roi.weights[near])
    np.testing.assert_allclose(made["target_mean_magnE_V_per_m"], expected, rtol=1e-5)
    np.testing.assert_allclose(made["magnE"], strength, rtol=1e-6)
    assert "focality_50_mm2" in kept.columns
    assert "target_mean_normal_E_V_per_m" in kept.columns
    with pytest.raises(hf.ArgumentError, match="at other points"):
        bound(model, roi="mid-layer:0,0,64,20").of(part)


def spoilt(field, bad):
    converged = field.report.converged.copy()
    converged[bad] = False
    made = field.arrays()
    report = dataclasses.replace(made.report, converged=converged)
    return hf.Field.of_arrays(dataclasses.replace(made, report=report))


@pytest.mark.parametrize("storage", ["float32", "float16", "lossless"])
def test_a_pose_that_did_not_converge_is_not_a_number(model, solved, storage):
    kept = bound(model, keep=["metrics", "E"], target=AT, storage=storage)
    whole, made = kept.of(solved), kept.of(spoilt(solved, 1))
    for name in set(kept.columns) - {"converged", "iterations", "residual", "discretisation_error"}:
        assert np.isnan(made[name][1])
        np.testing.assert_array_equal(made[name][[0, 2]], whole[name][[0, 2]])
    assert made["converged"].tolist() == [True, False, True]
    back = decoded(made)
    assert np.isnan(back["E"][1]).all()
    assert np.isnan(back["magnE"][1]).all()
    np.testing.assert_array_equal(back["E"][[0, 2]], decoded(whole)["E"][[0, 2]])
    assert np.isnan(kept.of(spoilt(solved, slice(None)))["peak_magnE_V_per_m"]).all()


def test_a_coil_without_current_has_no_focality(model, poses):
    kept = bound(model)
    with pytest.warns(hf.PlausibilityWarning, match="dI/dt is 0"):
        batches = model.iter_solve(hf.figure_of_eight(), poses[:1], 0.0, elements=kept.elements)
    (field,) = batches
    made = kept.of(field)
    assert made["max_magnE_V_per_m"][0] == 0
    assert np.isnan(made["focality_50_mm3"][0])


def test_content_is_that_of_places_not_of_words(model):
    same = bound(model, target=AT, roi="tissue:2").content
    assert same == bound(model, target="0.0,0,64", tissues=[2]).content
    different = [
        {"target": AT, "target_radius_mm": 20},
        {"target": "0,0,66"},
        {"target": AT, "percentiles": [50]},
        {"target": AT, "keep": ["metrics", "E"]},
        {"target": AT, "storage": "float16"},
        {"target": AT, "tissues": [1, 2]},
        {},
    ]
    assert len({same, *(bound(model, **what).content for what in different)}) == 8


def test_files_in_words_are_looked_for_in_the_folder_that_is_given(model, tmp_path, monkeypatch):
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([10.0, 10, 10, 1])
    affine[:3, 3] = -95
    labels = np.zeros((20, 20, 20), np.int16)
    labels[:, :, 15:] = 7
    nibabel.save(nibabel.Nifti1Image(labels, affine), tmp_path / "atlas.nii.gz")
    outputs = Outputs(target="labels:atlas.nii.gz:7")
    kept = outputs.bind(model.mesh, base=tmp_path)
    assert (kept.target.centres_mm[:, 2] > 45).all()
    assert len(kept.target) > 10
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        outputs.bind(model.mesh, base=elsewhere)


def test_an_electrode_means_the_gray_matter_below_it(model):
    kept = Outputs(target="Cz").bind(model.mesh, lambda words: np.array([0.0, 0, 86]))
    gray = model.mesh.barycentres_mm()[model.mesh.tags == 2]
    middle = gray[np.linalg.norm(gray - [0, 0, 86], axis=1).argmin()]
    assert (np.linalg.norm(kept.target.centres_mm - middle, axis=1) <= 10).all()
    assert locate(model.mesh, [middle]).element[0] in kept.target.elements


def test_what_is_kept_can_be_pickled(model, solved):
    kept = bound(model, keep=["metrics", "E"], target=AT, storage="lossless")
    again = pickle.loads(pickle.dumps(kept))
    assert again.content == kept.content
    assert again.columns == kept.columns
    for name, values in kept.of(solved).items():
        np.testing.assert_array_equal(again.of(solved)[name], values)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"keep": []}, "keep must be some of metrics, magnE, E, not"),
        ({"keep": ["e"]}, "did you mean 'E'"),
        ({"storage": "float8"}, "storage must be one of float32, float16, lossless"),
        ({"roi": "ball:1"}, "is no region"),
        ({"target": "1,2"}, "'1,2' is not x,y,z in mm"),
        ({"target": "labels:a.nii.gz:x"}, "is no region"),
        ({"target": 3}, "target must be words"),
        ({"percentiles": [101]}, "percents must be numbers from 0 to 100"),
        ({"target_radius_mm": -1}, "target_radius_mm"),
        ({"tissues": [2.5]}, "tissues must be tags"),
        ({"tissues": []}, "tissues: there are none"),
        ({"taget": "0,0,0"}, "did you mean 'target'"),
    ],
)
def test_what_is_no_output_is_refused(given, said):
    with pytest.raises(hf.ArgumentError, match=said):
        Outputs.from_dict(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "0,0,200"}, "lies outside of the head"),
        ({"target": "mid-layer:0,0,0,5"}, "the mid-layer is"),
        ({"roi": "mid-layer:0,0,64,20", "target": "0,0,-64"}, "the region is .* away at least"),
        ({"roi": "mid-layer:0,0,64,20", "target": "sphere:0,0,-64,10"}, "none of the points"),
        ({"tissues": [9]}, "9"),
        ({"tissues": ["gray mater"]}, "tissues: there is no tissue 'gray mater', did you mean 'gray matter'"),
    ],
)
def test_what_is_not_in_the_head_is_refused(model, given, said):
    with pytest.raises(hf.RegionError, match=said):
        bound(model, **given)


def test_tissues_by_name_are_those_by_tag(model):
    """In every place that has tissues: the region, and the target around a point."""
    for more in ({}, {"target": AT}, {"roi": "sphere:0,0,60,20"}):
        named = bound(model, tissues=["white", "gray"], **more)
        assert named.content == bound(model, tissues=[1, 2], **more).content
    assert bound(model, tissues="gray").content == bound(model, tissues=[2]).content
    kept = Outputs(tissues=["gray", 1, 1])
    assert kept.tissues == (1, "gray")
    assert Outputs.from_dict(kept.to_dict()) == kept


def test_percentiles_that_have_one_name_are_one(model):
    kept = bound(model, percentiles=[99.9, 99.90000000001, 50])
    assert len(set(kept.columns)) == len(kept.columns)


def test_a_head_without_gray_matter_needs_tissues(model):
    mesh = hf.sphere_mesh(radii_mm=[80, 86], tags=[3, 5], edge_mm=20)
    with pytest.raises(hf.RegionError, match=r"no gray matter \(tag 2\).*\[3, 5\]"):
        Outputs().bind(mesh)
    assert len(Outputs(tissues=[3]).bind(mesh).elements)


def test_a_field_of_other_tetrahedra_is_refused(model, poses):
    (field,) = model.iter_solve(hf.figure_of_eight(), poses[:1], elements=[5, 3])
    with pytest.raises(hf.ArgumentError, match="have no E in the field"):
        bound(model).of(field)
