# SPDX-License-Identifier: BSD-3-Clause
"""Fields, reports and errors that are pickled and copied; fields that outlive their model."""

import functools
import gc
import weakref

import numpy as np
import pytest
from conftest import WHY_NO_GPU
from given.copies import WAYS, assert_same, assert_same_fields, assert_same_regions, assert_same_reports
from given.heads import coil, poses

import headfield as hf
from headfield import regions


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=20)


@functools.cache
def model(device="cpu"):
    return hf.HeadModel(head(), device=device)


SOLVED = {
    "all tetrahedra": {},
    "recovered": {"recovery": "interface"},
    "elements": {"elements": np.arange(7, 90, 3)},
    "region": {"roi": lambda: regions.tissue(head(), 4)},
    "points, recovered": {"roi": lambda: regions.nodes(head(), 4), "recovery": "interface"},
}


def solve(which, with_model=None, put=np.asarray):
    options = {name: value() if callable(value) else value for name, value in SOLVED[which].items()}
    return (with_model or model()).solve(coil(), put(poses(2)), [1e6, 3e6], **options)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("which", SOLVED)
def test_a_copy_has_the_same_arrays(which, way):
    field = solve(which)
    copied = WAYS[way](field)  # before E is asked for
    assert_same_fields(field, copied)
    if field.region is not None:
        assert_same_regions(field.region, copied.region)
    if which == "recovered":
        assert_same(field.local_error, copied.local_error)
    if which in ("all tetrahedra", "recovered"):
        assert_same(field.potential, copied.potential)
        assert not copied.potential.flags.writeable
    else:
        with pytest.raises(hf.HeadfieldError, match="not kept"):
            _ = copied.potential


def test_a_copy_of_a_copy_is_written_alike(tmp_path):
    field = solve("recovered")
    twice = WAYS["pickle"](WAYS["pickle"](field))
    field.save(tmp_path / "field.msh")
    twice.save(tmp_path / "twice.msh")
    assert (tmp_path / "twice.msh").read_bytes() == (tmp_path / "field.msh").read_bytes()


@pytest.mark.parametrize("which", ["elements", "region", "points, recovered"])
def test_a_field_in_a_region_keeps_no_model_alive(which):
    there = hf.HeadModel(head(), device="cpu")
    watched = weakref.ref(there)
    field = solve(which, there)
    del there
    gc.collect()
    assert watched() is None
    assert field.E.any()


@pytest.mark.parametrize("way", [None, *WAYS], ids=["itself", *WAYS])
def test_an_evaluated_field_keeps_no_model_alive(way):
    there = hf.HeadModel(head(), device="cpu")
    watched = weakref.ref(there)
    field = solve("all tetrahedra", there)
    assert field.E.any()
    kept = field if way is None else WAYS[way](field)
    del there, field
    gc.collect()
    assert watched() is None
    assert kept.E.any()


def test_a_failed_evaluation_can_be_tried_again():
    field = solve("all tetrahedra")
    tries = []

    def evaluate():
        tries.append(1)
        if len(tries) == 1:
            raise hf.DeviceError("no memory")
        return {"E": field.E}

    again = hf.Field(
        field.mesh, field.poses, field.didt, field.report, potential=field.potential, evaluate=evaluate
    )
    with pytest.raises(hf.DeviceError):
        _ = again.E
    assert again.E is field.E
    assert again.E is field.E
    assert len(tries) == 2


@pytest.mark.parametrize("way", WAYS)
def test_reports(way):
    report = solve("recovered").report
    copied = WAYS[way](report)
    assert_same_reports(report, copied)
    assert str(copied) == str(report)


@pytest.mark.parametrize("way", WAYS)
def test_errors_bring_their_report_and_field(way):
    with pytest.raises(hf.ConvergenceError) as caught:
        model().solve(coil(), poses(2), max_iterations=1)
    error, copied = caught.value, WAYS[way](caught.value)
    assert type(copied) is hf.ConvergenceError
    assert str(copied) == str(error)
    assert_same_reports(error.report, copied.report)
    assert_same_fields(error.partial, copied.partial)


@pytest.mark.skipif(bool(WHY_NO_GPU), reason=WHY_NO_GPU or "")
@pytest.mark.parametrize("which", ["recovered", "region"])
@pytest.mark.parametrize("way", WAYS)
def test_a_field_on_a_gpu_arrives_as_numpy_arrays(which, way):
    import cupy

    there = solve(which, model("cuda"), cupy.asarray)
    assert isinstance(there.E, cupy.ndarray)
    copied = WAYS[way](there)
    assert_same_fields(there.on_host(), copied)
