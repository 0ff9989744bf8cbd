# SPDX-License-Identifier: BSD-3-Clause
"""What frames leave out on purpose: modes that a region does not see, and sources of flat coils."""

import numpy as np
import pytest
from given import bases

import headfield as hf
from headfield.coils.parts import CoilElement
from headfield.realtime.incident import Incident, _few
from headfield.realtime.leading import leading
from headfield.realtime.make import _OFF_MM, _Maker
from headfield.realtime.matching import matching_of


def fields():
    """Sources of the phantom that are solved, and how they are matched."""
    maker = _Maker(bases.model(), bases.knob(), None, 5e-3, 1e-6, False)
    solved = maker.solve(maker.spacing_for(60), None)
    return solved, matching_of(solved.shell)


def test_few_modes_hold_what_all_do():
    solved, matching = fields()
    share = bases.knob().weights / bases.knob().weights.sum()
    all_modes = matching.mix.T @ np.concatenate(solved.fields).reshape(len(matching.mix), -1)
    coil = hf.figure_of_eight()
    b = Incident(coil).field(solved.shell.inner_mm, bases.poses(coil))[0].reshape(-1, len(matching.project))
    exact = (b @ matching.project) @ all_modes
    off = []
    for left_out in (1e-1, 1e-3):
        few = leading(matching, solved.shell, _OFF_MM, solved.fields, share, left_out)
        modes = few.mix.T @ np.concatenate(solved.fields).reshape(len(matching.mix), -1)
        found = (b @ few.project) @ modes
        off.append(bases.relative(*(e.reshape(len(b), -1, 3) for e in (found, exact))).max())
        assert len(modes) < len(all_modes)
        products = np.einsum("ipd,jpd,p->ij", *2 * [modes.reshape(len(modes), -1, 3)], share)
        assert np.abs(few.gram - products).max() < 1e-5 * np.abs(products).max()
    assert off[1] < 3e-3
    assert off[1] < 0.1 * off[0]


def test_few_sources_have_the_b_of_a_flat_coil():
    coil = hf.figure_of_eight()
    points = np.random.default_rng(0).uniform([-80, -80, 18], [80, 80, 120], (300, 3))
    few = _few(coil)
    assert len(few.sources().points_mm) <= 200 < len(coil.sources().points_mm)
    exact = 1e6 * coil.magnetic_field(points)
    (found,) = Incident(coil).field(points, np.eye(4)[None])
    assert np.linalg.norm(found[0] - exact) < 3e-4 * np.linalg.norm(exact)


@pytest.mark.parametrize(
    "coil",
    [
        hf.Coil([[0, 0, -5.0]], [[0, 0, 1.0]]),
        hf.double_cone(),
        hf.Coil(
            elements=[
                CoilElement(
                    hf.Segments(np.c_[np.arange(300), np.zeros(300), -9.0 - np.zeros(300)], np.ones((300, 3)))
                )
            ]
        ),
    ],
    ids=["few sources", "not flat", "open wire"],
)
def test_other_coils_keep_all_sources(coil):
    assert _few(coil) is coil


def test_of_as_many_sources_those_around_a_place_are_better_there():
    coil, model, knob = hf.figure_of_eight(), bases.model(), bases.knob()
    centre = model.scalp.closest(knob.centres_mm.mean(axis=0)[None]).point_mm[0]
    site = model.place(coil, centre, centre + [0, 50, 0], 8.0)
    exact = model.solve(coil, site, roi=knob, primary_error=0.0, tol=1e-8).E
    whole, local = (
        bases.made(size=150, tol=1e-6, **place) for place in ({}, {"centre_mm": centre, "radius_mm": 20})
    )
    errors = [bases.relative(rt.field(coil, site).E, exact)[0] for rt in (whole, local)]
    assert errors[1] < errors[0]
    assert local.basis.n_sources < 1.2 * whole.basis.n_sources


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ({"centre_mm": [0, 0]}, hf.PoseError),
        ({"centre_mm": [0, 0, np.nan]}, hf.PoseError),
        ({"centre_mm": [0, 0, 400]}, hf.PoseError),
        ({"centre_mm": [-46, -8, 70], "radius_mm": 0}, hf.ArgumentError),
    ],
)
def test_places_are_checked(place, error):
    with pytest.raises(error, match=r"centre_mm|radius_mm"):
        hf.realtime_basis(bases.model(), bases.knob(), **place)
