# SPDX-License-Identifier: BSD-3-Clause
"""Values that NumPy would turn into numbers in silence: masked ones, dates, text, True and False."""

import re

import numpy as np
import pytest

import headfield as hf
from headfield import metrics, regions
from headfield.coils.sources import SampledPotential
from headfield.core.arguments import whole, whole_numbers, within
from headfield.core.device import check_threads
from headfield.heads.eeg import EegPositions
from headfield.heads.tensors import conductivity_tensors
from headfield.poses.pose_list import PoseList

MESH = hf.sphere_mesh([80, 90], [3, 5], edge_mm=30)
MODEL = hf.HeadModel(MESH, device="cpu")
COIL = hf.circular_coil()
POSE = np.diag([1.0, -1, -1, 1])
POSE[2, 3] = 110
M, N = MESH.n_tets, MESH.n_nodes
FACES = np.array([[0, 1, 2]])
AFFINE = np.diag([3.0, 3, 3, 1])


def masked(values, at=0):
    """The values, one of which is hidden by a mask."""
    array = np.ma.array(np.array(values), mask=False)
    array.mask.flat[at] = True
    return array


def tet(nodes=MESH.nodes_mm, tets=MESH.tets, **more):
    return hf.TetMesh(nodes, tets, **more)


MASKED = {
    "poses": lambda: MODEL.solve(COIL, masked(POSE)),
    "poses in a list": lambda: MODEL.solve(COIL, [POSE, masked(POSE)]),
    "didt": lambda: MODEL.solve(COIL, [POSE, POSE], masked([1e6, 2e6])),
    "elements": lambda: MODEL.solve(COIL, POSE, elements=masked([1, 2])),
    "initial": lambda: MODEL.solve(COIL, POSE, initial=masked(np.zeros((1, N)))),
    "currents": lambda: MODEL.solve_sources(masked(np.zeros(N))),
    "conductivity": lambda: hf.HeadModel(MESH, masked(np.ones(M)), device="cpu"),
    "tissues": lambda: conductivity_tensors(MESH, (AFFINE, np.ones((4, 4, 4, 6))), tissues=masked([3, 5])),
    "nodes_mm": lambda: tet(masked(MESH.nodes_mm)),
    "tets": lambda: tet(tets=masked(MESH.tets)),
    "tags": lambda: tet(tags=masked(MESH.tags)),
    "element_data 'f'": lambda: tet(element_data={"f": masked(np.ones(M))}),
    "points_mm": lambda: regions.points(MESH, masked(np.zeros((2, 3)))),
    "a mask or indices": lambda: regions.mask(MESH, masked(MESH.tags == 3)),
    "surface faces": lambda: hf.Surface(MESH.nodes_mm, masked(FACES)),
    "surface nodes": lambda: hf.Surface(masked(MESH.nodes_mm), FACES),
    "target": lambda: metrics.overlap(np.ones(M), np.ones(M), masked(MESH.tags == 3)),
    "positions_mm": lambda: EegPositions(("a",), masked(np.zeros((1, 3))), ("Electrode",)),
    "a sampled A": lambda: SampledPotential(masked(np.ones((4, 4, 4, 3))), AFFINE),
    "names": lambda: PoseList(POSE, didt=masked([1e6])),
}


@pytest.mark.parametrize("name", MASKED)
def test_an_array_of_which_something_is_masked_is_refused_by_name(name):
    with pytest.raises(hf.HeadfieldError, match=r"1 of \d+ values are masked") as caught:
        MASKED[name]()
    asked = {"poses in a list": "poses", "names": "didt"}.get(name, name)
    assert str(caught.value).startswith(f"{asked}: ")


def test_a_masked_array_of_which_nothing_is_masked_is_an_array():
    mesh = tet(np.ma.array(MESH.nodes_mm), np.ma.array(MESH.tets, mask=False), tags=np.ma.array(MESH.tags))
    np.testing.assert_array_equal(mesh.nodes_mm, MESH.nodes_mm)
    assert type(mesh.nodes_mm) is type(mesh.tags) is np.ndarray
    field = MODEL.solve(COIL, np.ma.array(POSE), np.ma.array([1e6]), elements=np.ma.array([1, 2]))
    np.testing.assert_array_equal(field.E, MODEL.solve(COIL, POSE, elements=[1, 2]).E)


@pytest.mark.parametrize(
    ("values", "called"),
    [
        (POSE.astype("M8[s]"), "dates"),
        (POSE.astype("m8[s]"), "differences of dates"),
        (POSE.astype(str), "text"),
        (POSE.astype("S8"), "bytes"),
        (POSE.astype(object), "Python objects"),
        (POSE.astype(complex), "complex values"),
        (POSE.astype("V8"), "V8"),
    ],
)
def test_poses_that_are_no_numbers_are_refused_by_name(values, called):
    with pytest.raises(hf.PoseError, match=rf"poses: not real numbers: .*{re.escape(called)}"):
        hf.check_poses(values)


TRUTHS = {
    "didt": lambda yes: MODEL.solve(COIL, POSE, yes),
    "didt in a list": lambda yes: MODEL.solve(COIL, [POSE, POSE], [1e6, yes]),
    "poses": lambda yes: MODEL.solve(COIL, np.eye(4, dtype=bool) & yes),
    "tol": lambda yes: MODEL.solve(COIL, POSE, tol=yes),
    "primary_error": lambda yes: MODEL.solve(COIL, POSE, primary_error=yes),
    "batch": lambda yes: MODEL.solve(COIL, POSE, batch=yes),
    "max_iterations": lambda yes: MODEL.solve(COIL, POSE, max_iterations=yes),
    "elements": lambda yes: MODEL.solve(COIL, POSE, elements=[5, yes]),
    "threads": lambda yes: hf.HeadModel(MESH, device="cpu", threads=yes),
    "conductivity": lambda yes: hf.HeadModel(MESH, yes, device="cpu"),
    "conductivity of tag 3": lambda yes: hf.HeadModel(MESH, {3: yes}, device="cpu"),
    "is not a tag": lambda yes: hf.HeadModel(MESH, {yes: 0.3}, device="cpu"),
    "edge_mm": lambda yes: hf.phantom_head(edge_mm=yes),
    "radii_mm": lambda yes: hf.sphere_mesh([yes, 80], [3, 5], edge_mm=20),
    "outer_radius_mm": lambda yes: hf.circular_coil(outer_radius_mm=yes),
    "turns": lambda yes: hf.circular_coil(turns=yes),
    "inner_radius_mm": lambda yes: hf.figure_of_eight(inner_radius_mm=yes),
    "tags": lambda yes: regions.tissue(MESH, yes),
    "tags in a list": lambda yes: regions.tissue(MESH, [3, yes]),
    "tets": lambda yes: tet(tets=[[0, yes, 2, 3]]),
    "indices": lambda yes: regions.mask(MESH, [5, yes]),
    "distance_mm": lambda yes: hf.place(MESH, [0, 0, 90], [0, 50, 90], yes),
}


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("yes", [True, np.True_])
def test_true_is_no_number(name, yes):
    with pytest.raises(hf.HeadfieldError, match=r"True|bool") as caught:
        TRUTHS[name](yes)
    assert name.removesuffix(" in a list") in str(caught.value)


@pytest.mark.parametrize("key", [True, np.True_, 5.5, 3.0, None, np.timedelta64(3, "s")])
def test_a_conductivity_by_what_is_no_tag(key):
    with pytest.raises(hf.ConductivityError, match=rf"{re.escape(repr(key))} is not a tag"):
        hf.HeadModel(MESH, {key: 0.3}, device="cpu")


def test_a_conductivity_of_a_tag_that_the_mesh_lacks_is_warned_of_by_name():
    with pytest.warns(UserWarning, match=r"conductivity given for tags \[77\], which no tetrahedron has"):
        hf.HeadModel(MESH, {3: 0.3, 77: 1.0}, device="cpu")


def test_a_difference_of_dates_is_no_number():
    hour = np.timedelta64(1, "h")
    for call in (
        lambda: within(hour, "tol", hf.ArgumentError, 0, 2),
        lambda: whole(hour, "batch", hf.ArgumentError, 9),
        lambda: whole_numbers([hour], "tags", hf.ArgumentError),
        lambda: check_threads(hour),
        lambda: MODEL.solve(COIL, POSE, elements=np.array([1, 2], "m8[s]")),
    ):
        with pytest.raises(hf.HeadfieldError):
            call()
