# SPDX-License-Identifier: BSD-3-Clause
"""What `TetMesh.check` finds in heads that make no sense, and that it finds nothing in those that do."""

import pickle

import numpy as np
import pytest

import headfield as hf
from headfield.heads.mending.merging import coincident
from headfield.heads.mesh import TetMesh

LAYERS = {"radii_mm": [60, 70, 80, 90], "edge_mm": 24}


def ball(tags, **options):
    return hf.sphere_mesh(tags=tags, **(LAYERS | options))


def findings(mesh):
    return {one.name: one for one in mesh.check()}


def torn(mesh, tag):
    """The same mesh with own nodes for one tissue, but for six that it shares, so that it hangs together."""
    inner = np.zeros(mesh.n_nodes, bool)
    inner[mesh.tets[mesh.tags == tag].ravel()] = True
    other = np.zeros(mesh.n_nodes, bool)
    other[mesh.tets[mesh.tags != tag].ravel()] = True
    shared = np.flatnonzero(inner & other)
    doubled = shared[6:]
    new = np.arange(mesh.n_nodes)
    new[doubled] = mesh.n_nodes + np.arange(len(doubled))
    tets = np.where((mesh.tags == tag)[:, None], new[mesh.tets], mesh.tets)
    return TetMesh(np.concatenate([mesh.nodes_mm, mesh.nodes_mm[doubled]]), tets, mesh.tags), len(doubled)


class TestNothing:
    @pytest.mark.parametrize(
        "tags", [[1, 2, 3, 5], [2, 3, 4, 5], [2, 3, 7, 5], [3, 4, 5, -1], [2, 4, 5, 101]]
    )
    def test_balls_of_sensible_layers(self, tags):
        assert ball(tags).check().findings == ()

    def test_the_phantom(self):
        assert hf.phantom_head(edge_mm=8).check().findings == ()

    @pytest.mark.parametrize(
        "name", ["head_small.npz", "head_small.msh", "meshes/cube.msh", "meshes/sphere3.msh"]
    )
    def test_sample_heads(self, shared_data, name):
        mesh = hf.read_mesh(shared_data / name)
        assert mesh.check().findings == ()

    def test_a_part_of_a_head_that_is_read_again(self, tmp_path):
        part = ball([1, 2, 3, 5]).crop(tags=[1, 2])
        for name in ("part.npz", "part.msh"):
            part.write(tmp_path / name)
            back = hf.read_mesh(tmp_path / name)
            assert back.is_part
            assert len(back.check()) == 0
        assert findings(TetMesh(part.nodes_mm, part.tets, part.tags)).keys() == {"outermost_tissue"}

    def test_a_result_that_is_read_again(self, tmp_path):
        mesh = ball([2, 3, 4, 5])
        coil = hf.figure_of_eight(
            inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, spacing_mm=8.0
        )
        model = hf.HeadModel(mesh)
        field = model.solve(coil, model.place(coil, [0, 0, 90], [0, 50, 90]))
        field.save(tmp_path / "out.msh")
        assert len(hf.read_mesh(tmp_path / "out.msh").check()) == 0


class TestNumbering:
    @pytest.mark.parametrize(
        ("tags", "mapping"),
        [
            ([4, 3, 2, 1], "{1: 5, 2: 3, 3: 2, 4: 1}"),  # Colin27, from inside to outside
            ([4, 3, 2, 1], "{1: 5, 2: 4, 4: 2}"),  # brain2mesh, as far as the layers can tell
            ([3, 3, 2, 1], "{1: 5, 2: 4, 3: 2}"),
            ([2, 1, 3, 5], "{1: 2, 2: 1}"),  # SPM
        ],
    )
    def test_others_are_named_with_what_to_type(self, tags, mapping):
        report = ball(tags).check()
        (finding,) = report
        assert finding.severity == "doubt"
        assert f"read_mesh(path, tags={mapping})" in finding.message
        assert "--tags " + mapping.strip("{}").replace(": ", "=").replace(", ", ",") in finding.message
        assert report.doubts == (finding,)
        assert not report.errors

    @pytest.mark.parametrize(
        ("tags", "name"),
        [
            ([4, 3, 2, 1, 1, 1], "Colin27"),
            ([5, 4, 3, 2, 1, 1], "brain2mesh"),
            ([2, 1, 3, 4, 5, 6], "SPM"),
            ([1, 1, 1, 2, 3, 3], "three layers (1 brain, 2 skull, 3 scalp)"),
            ([0, 1, 2, 3, 4, 4], "the table, but counted from 0"),
        ],
    )
    def test_of_a_real_head(self, shared_data, tags, name):
        """The small sample head, with tissues 1 to 6, as others number it: the right one alone is named."""
        mesh = hf.read_mesh(shared_data / "head_small.npz")
        (finding,) = TetMesh(mesh.nodes_mm, mesh.tets, np.array([0, *tags])[mesh.tags]).check()
        assert f"may be numbered as in {name}" in finding.message
        assert "; or as in " not in finding.message

    def test_what_fits_none_names_those_that_are_known(self):
        (finding,) = ball([3, 3, 3, 3]).check()
        assert finding.name == "outermost_tissue"
        for name in ("Colin27", "brain2mesh", "ROAST", "SPM"):
            assert name in finding.message

    def test_air_as_eyes_and_electrodes_as_bone_are_those_of_roast(self):
        mesh = ball([2, 3, 4, 5, 5], radii_mm=[60, 66, 72, 80, 90])
        centre = mesh.barycentres_mm()
        tags = mesh.tags.copy()
        outer = np.linalg.norm(centre, axis=1) > 80
        tags[outer & (centre[:, 2] > 40)] = 8
        tags[(tags == 5) & (centre[:, 0] > 55)] = 6
        found = findings(TetMesh(mesh.nodes_mm, mesh.tets, tags))
        assert found.keys() == {"eyes_too_large", "bone_outside"}
        for finding in found.values():
            assert "ROAST (1 white, 2 gray, 3 CSF, 4 bone, 5 skin, 6 air, 7 gel" in finding.message
            assert "{6: -1, 8: 100}" in finding.message

    def test_tags_from_0_are_offered_as_such(self):
        mesh = ball([0, 1, 2, 4])  # white, gray, CSF, scalp
        found = findings(mesh)
        assert "{0: 1, 1: 2, 2: 3, 4: 5}" in found["tag_0"].message
        assert found["tag_0"].count == int((mesh.tags == 0).sum())

    def test_asking_for_it_ends_the_doubt(self, tmp_path):
        mesh = ball([4, 3, 2, 1])
        mesh.write(tmp_path / "a.npz")
        with pytest.warns(hf.PlausibilityWarning, match="a.npz: the outermost tissue is white matter"):
            hf.read_mesh(tmp_path / "a.npz")
        right = hf.read_mesh(tmp_path / "a.npz", tags={1: 5, 2: 3, 3: 2, 4: 1})
        np.testing.assert_array_equal(right.tags, np.array([0, 5, 3, 2, 1])[mesh.tags])


class TestJoints:
    def test_a_crack_is_an_error_that_names_nodes_and_tissues(self, tmp_path):
        mesh = ball([1, 2, 3, 5])
        apart, count = torn(mesh, 1)
        (finding,) = apart.check()
        assert (finding.name, finding.severity, finding.count) == ("not_joined", "error", count)
        assert "tissues 1 and 2 are not joined there" in finding.message
        assert "mesh.merged()" in finding.message
        assert np.linalg.norm(finding.where_mm) == pytest.approx(60, abs=0.1)
        # The area is that of the surface between them, less the faces at the six shared nodes.
        faces = mesh.nodes_mm[mesh.surface(1)]
        area = (
            np.linalg.norm(np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]), axis=1).sum() / 200
        )
        told = float(finding.message.split(" cm²")[0].split()[-1])
        assert 0.8 * area < told <= area
        apart.write(tmp_path / "a.npz")
        with pytest.raises(hf.MeshError, match=r"a\.npz: .* lie where others do"):
            hf.read_mesh(tmp_path / "a.npz")
        assert hf.read_mesh(tmp_path / "a.npz", check=False).check().errors == (finding,)

    def test_rounded_nodes_too(self):
        apart, count = torn(ball([1, 2, 3, 5]), 1)
        nodes = apart.nodes_mm + np.random.default_rng(0).uniform(-1e-3, 1e-3, apart.nodes_mm.shape)
        assert findings(TetMesh(nodes, apart.tets, apart.tags))["not_joined"].count == count

    def test_coincident_points_by_distance(self):
        rng = np.random.default_rng(1)
        points = rng.uniform(-90, 90, (400, 3))
        near = points[:100] + rng.uniform(-1, 1, (100, 3)) * 2e-2 / np.sqrt(3)
        far = points[100:200] + [6e-2, 0, 0]
        every = np.concatenate([points, near, far])
        first = coincident(every, np.full(len(every), 5e-2))
        expected = np.arange(len(every))
        expected[400:500] = np.arange(100)
        np.testing.assert_array_equal(first, expected)


class TestElements:
    def test_tiny_and_flat_ones_are_placed(self):
        mesh = ball([1, 2, 3, 5])
        inner = int(np.linalg.norm(mesh.barycentres_mm(), axis=1).argmin())
        nodes, tets, tags = mesh.nodes_mm.copy(), mesh.tets.copy(), mesh.tags
        centre = nodes[tets[inner]].mean(axis=0)
        # Split it around a point just above one of its faces, and put a small copy of it within one part.
        a, b, c, d = tets[inner]
        above = nodes[[a, b, c]].mean(axis=0) * (1 - 1e-7) + nodes[d] * 1e-7
        new = len(nodes)
        parts = [[a, b, c, new], [a, b, new, d], [a, new, c, d], [new, b, c, d]]
        split = TetMesh(
            np.concatenate([nodes, [above]]),
            np.concatenate([np.delete(tets, inner, axis=0), parts]),
            np.concatenate([np.delete(tags, inner), [1] * 4]),
        )
        found = findings(split)
        assert found.keys() == {"tiny_tetrahedra"} or found.keys() == {"flat_tetrahedra"}
        (finding,) = found.values()
        assert finding.count == 1
        assert f"tetrahedron {split.n_tets - 4} of tissue 1" in finding.message
        np.testing.assert_allclose(finding.where_mm, nodes[[a, b, c]].mean(axis=0), atol=1e-3)
        assert np.linalg.norm(centre) < 30

    def test_copies_of_two_tissues_are_named(self):
        mesh = ball([1, 2, 3, 5])
        tets = np.concatenate([mesh.tets, mesh.tets[7:8]])
        with pytest.raises(hf.MeshError, match=r"a copy of tetrahedron 7; their tags are 3 and \d"):
            TetMesh(mesh.nodes_mm, tets, np.append(mesh.tags, 3 if mesh.tags[7] != 3 else 2))


class TestSizes:
    @pytest.mark.parametrize(
        ("scale", "unit"), [(1e-3, "metres"), (0.02, None), (0.1, "centimetres"), (1e3, "micrometres")]
    )
    def test_units(self, scale, unit):
        mesh = ball([1, 2, 3, 5])
        (finding,) = TetMesh(mesh.nodes_mm * scale, mesh.tets, mesh.tags).check()
        assert finding.name == "size"
        assert finding.severity == ("doubt" if unit == "centimetres" else "warning")
        assert (f"are they {unit}?" in finding.message) if unit else "are these its units?" in finding.message

    def test_volumes_that_no_person_has(self):
        mesh = ball([1, 2, 3, 4, 5], radii_mm=[50, 60, 70, 80, 90])
        assert mesh.check().findings == ()
        (finding,) = TetMesh(mesh.nodes_mm * 0.4, mesh.tets, mesh.tags).check()
        assert finding.name == "volumes"
        assert "the head" not in finding.message
        assert "head " in finding.message
        assert "600 to 12000" in finding.message

    def test_layers_with_holes(self):
        mesh = ball([2, 3, 4, 5])
        z = mesh.barycentres_mm()[:, 2]
        for tag, put, said in ((4, 5, "the skull has holes"), (5, 4, "the scalp has holes: bone")):
            tags = mesh.tags.copy()
            tags[(tags == tag) & (z > 45)] = put
            (finding,) = TetMesh(mesh.nodes_mm, mesh.tets, tags).check()
            assert finding.name == "layer_with_holes"
            assert said in finding.message


class TestAround:
    """What is around a head is none of its layers."""

    @pytest.mark.parametrize("outer", [101, -1, 0])
    def test_another_numbering_is_seen_through_what_is_around(self, outer):
        found = findings(ball([3, 2, 1, outer]))
        assert "--tags 1=5,2=3,3=2" in found["outermost_tissue"].message

    def test_a_background_is_to_be_left_out(self):
        report = ball([2, 3, 5, 0]).check()
        assert report.names == ("tag_0",)
        assert "--without-tags 0" in report[0].message

    def test_tags_of_electrodes_only(self):
        (found,) = ball([101, 102, 103, 104]).check()
        assert (found.name, found.severity) == ("no_head", "doubt")
        assert "(101, 102, 103, 104)" in found.message
        assert ball([2, 3, 5, 101]).crop(tags=[101]).check().names == ()


@pytest.mark.parametrize(("grown", "name"), [(1.0005, "not_joined"), (1.005, "gap")])
def test_a_scalp_that_lies_a_little_off(grown, name):
    mesh, count = torn(ball([1, 2, 3, 5]), 5)
    nodes = mesh.nodes_mm.copy()
    nodes[-count:] *= grown  # 0.04 or 0.4 mm; edges are 10 mm and more
    (found,) = TetMesh(nodes, mesh.tets, mesh.tags).check()
    assert found.name == name
    assert "tissues 3 and 5" in found.message


def test_a_cavity_is_no_gap():
    mesh = ball([1, 2, 3, 5])
    centres = mesh.barycentres_mm()
    for left_out in (np.linalg.norm(centres - [0, 65, 0], axis=1) < 15, np.arange(mesh.n_tets) == 7):
        assert 0 < left_out.sum() < 30
        assert TetMesh(mesh.nodes_mm, mesh.tets[~left_out], mesh.tags[~left_out]).check().names == ()


def test_csf_numbered_1_where_gray_matter_reaches_the_skull():
    """As FAST numbers, in a head whose layer of CSF is broken up, as it is in coarse meshes."""
    mesh = ball([1, 2, 4, 5])
    tags = mesh.tags.copy()
    broken = (tags == 2) & (np.random.default_rng(2).random(mesh.n_tets) < 0.5)
    tags[broken & np.isin(mesh.tets, mesh.tets[tags == 4]).any(axis=1)] = 3
    assert TetMesh(mesh.nodes_mm, mesh.tets, tags).check().names == ()
    wrong = TetMesh(mesh.nodes_mm, mesh.tets, np.array([0, 3, 2, 1, 4, 5])[tags])
    assert "FAST (1 CSF, 2 gray, 3 white): read_mesh(path, tags={1: 3, 3: 1})" in wrong.check()[0].message


def test_the_table_counted_from_0_with_eyes():
    mesh = ball([0, 1, 3, 4])
    tags = mesh.tags.copy()
    eyes = (tags == 4) & (np.linalg.norm(mesh.barycentres_mm() - [0, 85, 0], axis=1) < 20)
    tags[eyes] = 5
    assert 0 < eyes.sum() < 25
    assert "--tags 0=1,1=2,3=4,4=5,5=6" in findings(TetMesh(mesh.nodes_mm, mesh.tets, tags))["tag_0"].message


@pytest.mark.parametrize("outer", [6, 9, 11])
def test_eyes_blood_and_cartilage_are_not_outermost(outer):
    assert findings(ball([2, 3, 4, outer]))["outermost_tissue"].severity == "doubt"


@pytest.mark.parametrize("where", [2, 4])
def test_a_lesion_or_an_implant_is_no_hole_in_the_skull(where):
    mesh = ball([2, 3, 4, 5])
    tags = mesh.tags.copy()
    tags[(tags == where) & (mesh.barycentres_mm()[:, 2] > 20)] = 13
    assert TetMesh(mesh.nodes_mm, mesh.tets, tags).check().names == ()


@pytest.mark.parametrize("tags", [[1, 3, 2, 5], [3, 2, 4, 5]])
def test_csf_within_gray_matter(tags):
    assert "csf_within_gray" in findings(ball(tags))


def test_the_report_is_made_once_and_pickled():
    mesh = ball([4, 3, 2, 1])
    report = mesh.check()
    assert mesh.check() is report
    assert pickle.loads(pickle.dumps(mesh)).check() == report
    assert str(report) == f"doubt: {report[0].message} (outermost_tissue)"
