# SPDX-License-Identifier: BSD-3-Clause
"""Coils with a source on a node of the head: the pose, the part of the coil and the node are named."""

import functools

import numpy as np
import pytest
from given.heads import coil, model, poses

import headfield as hf
from headfield.coils.parts import CoilElement
from headfield.coils.sources import Dipoles, Segments

pytestmark = pytest.mark.filterwarnings("ignore:.*(inside the head|turn the back|no table)")

NODE = 700


def at(point_mm):
    pose = np.diag([1.0, -1, -1, 1])
    pose[:3, 3] = point_mm
    return pose


@functools.cache
def on_cpu():
    return hf.HeadModel(model().mesh, device="cpu")


@functools.cache
def of_two_parts(kind):
    """A coil whose second part has a source in the origin."""
    far = Dipoles([[0, 0, -200.0]], [[0, 0, 1e-3]])
    near = Dipoles([[30, 0, 0], [0, 0, 0.0]], [[0, 0, 1e-3]] * 2)
    if kind == "wire":
        near = Segments([[30, 0, 0], [0, 0, 0.0]], [[0, 20, 0]] * 2)
    return hf.Coil(elements=[CoilElement(far), CoilElement(near)], name=kind)


@pytest.mark.parametrize("kind", ["dipoles", "wire"])
@pytest.mark.parametrize("off", [0.0, 1e-13, 1e-6, 0.02, 0.09])
def test_a_source_on_a_node_is_refused_by_name(kind, off):
    head = on_cpu()
    node = head.mesh.nodes_mm[NODE]
    bad = at(node + [0.6 * off, 0, 0.8 * off])
    message = rf"pose 1 puts element 1 of .*{kind}.* mm from node {NODE} at \("
    with pytest.raises(hf.PoseError, match=message):
        head.solve(of_two_parts(kind), [*poses(1), bad])
    with pytest.raises(hf.PoseError, match=message):
        list(head.iter_solve(of_two_parts(kind), [*poses(1), bad], batch=1))
    for without_table in (0, "summed"):
        with pytest.raises(hf.PoseError, match="pose 0 puts element 1"):
            head.solve(of_two_parts(kind), bad, primary_error=without_table)


@pytest.mark.usefixtures("each_device")
def test_it_is_refused_on_each_device():
    with pytest.raises(hf.PoseError, match=f"pose 0 puts element 1 of .* mm from node {NODE}"):
        model().solve(of_two_parts("wire"), at(model().mesh.nodes_mm[NODE]), primary_error=0)


def test_the_pose_before_the_bad_one_is_handed_out():
    head = on_cpu()
    fields = head.iter_solve(of_two_parts("wire"), [*poses(1), at(head.mesh.nodes_mm[NODE])], batch=1)
    assert np.isfinite(next(fields).E).all()
    with pytest.raises(hf.PoseError, match="pose 1 puts"):
        next(fields)


def test_a_source_beside_a_node_is_solved():
    head = on_cpu()
    field = head.solve(of_two_parts("wire"), at(head.mesh.nodes_mm[NODE] + [0, 0, 0.2]))
    assert np.isfinite(field.E).all()


def test_coils_outside_of_the_head_are_not_looked_at_again(monkeypatch):
    def look(*_):
        raise AssertionError("looked at")

    monkeypatch.setattr("headfield.solve.drives.coil.check_apart", look)
    on_cpu().solve(coil(), poses(2))
