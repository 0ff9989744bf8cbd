# SPDX-License-Identifier: BSD-3-Clause
"""What is shown at a prompt: one short line that says what matters."""

import numpy as np
import pytest

import headfield as hf

MOST = 100
POINTS = np.random.default_rng(0).normal(size=(500, 3))


def model(n_tags=4):
    radii = np.linspace(50, 92, n_tags).round()
    return hf.HeadModel(hf.sphere_mesh(radii_mm=radii, tags=[1, 2, 4, 5, 6, 7, 8, 9][:n_tags], edge_mm=16))


@pytest.fixture(scope="module")
def things():
    head = model()
    coil = hf.figure_of_eight(
        turns=2, spacing_mm=8.0, name="a coil whose name nobody wants to read to its end"
    )
    pose = head.place(coil, [0, 0, 92], [0, 50, 92])
    field = head.solve(coil, pose)
    region = hf.regions.sphere(head.mesh, [0, 0, 60], 20)
    target = hf.Target(region)
    grid = hf.SampledPotential(np.full((9, 9, 9, 3), 1e-6), np.diag([3, 3, 3, 1.0]))
    pulse = np.linspace(0, 3e-4, 300)
    return [
        *(head, head.mesh, model(8).mesh, coil, coil.casing, coil.elements[0], coil.stimulators[0]),
        *(field, field.report, region, hf.skin(head.mesh), hf.scalp_geometry(head.mesh, pose)),
        *(target, hf.Percentile(region, 99), hf.Ratio(target, target), target + target),
        *(hf.Dipoles(POINTS, POINTS), hf.Segments(POINTS, POINTS), grid),
        hf.Coil(elements=[hf.CoilElement(grid)], didt_max=1e8),
        hf.Deformation("rot2p", 0, POINTS[0], POINTS[1]),
        hf.DeformationRange(0, -30, 30),
        hf.Waveform(pulse, np.sin(pulse), name="biphasic"),
        hf.EegPositions(("C3",), POINTS[:1], ("Electrode",)),
        hf.PoseJitter(1.0, 2.0),
        *(hf.Uniform(0.1, 0.4), hf.Beta(0.1, 0.6, 3, 3)),
        *(hf.targets, hf.targets["m1_hand"], hf.dose.protocols, hf.dose.protocols["itbs"]),
        hf.retreat,
    ]


def test_they_are_short_and_in_one_line(things):
    long = {type(one).__name__: repr(one) for one in things if len(repr(one)) > MOST or "\n" in repr(one)}
    assert long == {}


def test_they_say_what_they_are(things):
    for one in things[:-1]:
        assert " object at 0x" not in repr(one)
        assert type(one).__name__ in repr(one) or one is hf.targets or one is hf.dose.protocols


def test_one_thing_is_spoken_of_as_one(things):
    for one in things:
        assert "1 poses" not in repr(one)
        assert "1 positions" not in repr(one)
    field = next(one for one in things if isinstance(one, hf.Field))
    assert repr(field).startswith("<Field of 1 pose in ")
    assert str(field.report).startswith("1 pose on ")


def test_what_did_not_converge_is_in_it():
    head = model()
    coil = hf.figure_of_eight(turns=2, spacing_mm=8.0)
    pose = head.place(coil, [0, 0, 92], [0, 50, 92])
    with pytest.raises(hf.ConvergenceError) as stopped:
        head.solve(coil, pose, max_iterations=1)
    assert repr(stopped.value.partial).endswith(", 1 not converged>")
