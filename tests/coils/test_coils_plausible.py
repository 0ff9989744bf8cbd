# SPDX-License-Identifier: BSD-3-Clause
"""Coils that are hardly meant: in other units, too strong, turned round; and no false alarms."""

import json
import pickle
import warnings

import numpy as np
import pytest

import headfield as hf
from headfield.coils.plausible import warn_of_front

MAKERS = [hf.circular_coil, hf.figure_of_eight, hf.bent_figure_of_eight, hf.double_cone]


def small():
    return hf.figure_of_eight(spacing_mm=12.0, didt_max=1e8)


def doubts(make):
    """What is doubted while a coil is made or read, without the word on how to silence it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        make()
    assert all(issubclass(one.category, hf.PlausibilityWarning) for one in said)
    assert all(one.filename == __file__ for one in said)
    return [str(one.message).partition(" (silence")[0] for one in said]


def made(positions=1.0, moments=1.0, **more):
    coil = small()
    return hf.Coil(coil.dipole_positions_mm * positions, coil.dipole_moments * moments, **more)


def read(path, content):
    path.write_text(content)
    return lambda: hf.read_coil(path)


# In other units


@pytest.mark.parametrize("factor", [1e6, 1e4, 1e-6, 1e-7])
def test_moments_in_other_units_are_doubted_in_every_format(tmp_path, factor):
    assert len(doubts(lambda: made(moments=factor))) == 1
    coil = small()
    odd = hf.Coil.of(coil.content(elements=made_quietly(moments=factor).elements))
    for name in ("a.ccd", "a.tcd"):
        odd.write(tmp_path / name)
        (text,) = doubts(lambda name=name: hf.read_coil(tmp_path / name))
        assert f"{name}: the moments of the dipoles are" in text
        assert "not between 1e-07 and 10" in text


def made_quietly(**factors):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hf.PlausibilityWarning)
        return made(**factors)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_wire_in_other_units_than_its_points_is_doubted(factor):
    wire = hf.wire_segments(hf.spiral_path(20, 40, 8, centre_mm=[0, 0, -6]), closed=True)
    odd = hf.CoilElement(hf.Segments(wire.points_mm, wire.lengths_mm * factor))
    (text,) = doubts(lambda: hf.Coil(elements=[odd]))
    assert "mm of wire, turns counted, span 78.7 mm" in text
    assert not doubts(lambda: hf.Coil(elements=[hf.CoilElement(wire)]))


def test_samples_of_another_size_are_doubted():
    affine = np.diag([3, 3, 3, 1.0])
    for a, spacing, words in [
        (0.5, 1, "0.5 T·m per A"),
        (1e-13, 1, "1e-13 T·m"),
        (1e-7, 1e-3, "0.012 mm across"),
    ]:
        grid = hf.SampledPotential(np.full((5, 5, 5, 3), a), affine * [spacing, spacing, spacing, 1])
        (text,) = doubts(lambda grid=grid: hf.Coil(elements=[hf.CoilElement(grid)]))
        assert words in text


def test_positions_in_other_units_are_doubted():
    assert "the coil is 0.1" in doubts(lambda: made(positions=1e-3))[0]
    assert "not 5 to 1000" in doubts(lambda: made(positions=1e3))[0]
    assert "from the origin of its frame" in doubts(lambda: hf.Coil([[0, 0, -5e3]], [[0, 0, 1e-3]]))[0]


@pytest.mark.parametrize(
    ("header", "is_doubted"), [("122.22", False), ("122220000.0", True), ("0.000122", True)]
)
def test_a_largest_didt_in_other_units_is_doubted(tmp_path, header, is_doubted):
    rows = [
        " ".join(map(repr, row))
        for row in (np.r_[p * 1e-3, m].tolist() for p, m in zip(*dipoles(), strict=True))
    ]
    text = f"# coil;dIdtmax={header}\n{len(rows)}\n# rows\n" + "\n".join(rows) + "\n"
    said = doubts(read(tmp_path / "a.ccd", text))
    assert [("a.ccd: a largest dI/dt of" in one, "A/µs" in one) for one in said] == [
        (True, True)
    ] * is_doubted
    assert bool(doubts(lambda: hf.Coil(*dipoles(), didt_max=float(header) * 1e6))) is is_doubted


def dipoles():
    coil = small()
    return coil.dipole_positions_mm, coil.dipole_moments


def test_what_is_derived_from_a_coil_is_not_doubted_again():
    coil = made_quietly(moments=1e6)
    assert not doubts(lambda: pickle.loads(pickle.dumps(coil.with_casing(None).deformed())))


# In front of the face


def test_sources_in_front_of_the_face_are_doubted_once(tmp_path):
    for turned in ([1, 1, -1], [-1, 1, -1]):
        coil = small()
        hf.Coil(coil.dipole_positions_mm * turned, coil.dipole_moments).write(tmp_path / "z.ccd")
        (text,) = doubts(lambda: hf.read_coil(tmp_path / "z.ccd"))
        assert "z.ccd: sources at z > 0, on the head's side of the casing face: is z turned round?" in text
    with pytest.warns(hf.PlausibilityWarning):
        coil = hf.read_coil(tmp_path / "z.ccd")
    assert not doubts(lambda: warn_of_front(coil))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("cased", [True, False])
def test_bent_wings_are_right_and_turned_round_they_are_not(make, cased):
    coil = make(spacing_mm=8.0)
    casings = {} if cased else {"body": None}
    elements = [hf.CoilElement(e.source, casing=e.casing if cased else None) for e in coil.elements]
    same = hf.Coil.of(coil.content(elements=tuple(elements), **casings))
    assert not doubts(lambda: warn_of_front(same))
    half_turn = np.diag([-1.0, 1, -1, 1])
    turned = hf.Coil.of(
        coil.content(elements=tuple(hf.CoilElement(e.source.moved(half_turn)) for e in elements), **casings)
    )
    assert doubts(lambda: warn_of_front(turned))


def test_a_casing_says_what_is_in_front():
    bent = hf.double_cone(spacing_mm=8.0)
    bare = hf.Coil(elements=[hf.CoilElement(e.source) for e in bent.elements])
    assert doubts(lambda: warn_of_front(bare.with_casing(hf.circular_coil().casing)))
    assert not doubts(lambda: warn_of_front(bare.with_casing(bent.casing)))


def test_a_coil_made_in_a_frame_of_its_own_is_doubted_only_where_it_is_placed():
    coil = small()
    ahead = hf.Coil(coil.dipole_positions_mm * [1, 1, -1], coil.dipole_moments)  # not yet: any frame will do
    model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 92], tags=[3, 5], edge_mm=25))
    with pytest.warns(hf.PlausibilityWarning, match="is z turned round"):
        model.place(ahead, [0, 0, 92], [0, 50, 92])


# No false alarms


@pytest.mark.parametrize("make", MAKERS)
def test_layouts_are_not_doubted(make):
    assert not doubts(lambda: warn_of_front(make()))
    assert not doubts(
        lambda: warn_of_front(make(inner_radius_mm=4, outer_radius_mm=9, turns=3, spacing_mm=3))
    )


def test_wires_are_not_doubted():
    path = hf.spiral_path(20, 40, 8, centre_mm=[0, 0, -6])
    assert not doubts(lambda: hf.wire_coil(path, closed=True))
    assert not doubts(lambda: hf.wire_coil(hf.spiral_path(40, 40, 1), closed=True))


def test_sample_coils_are_not_doubted(shared_data):
    found = [
        p for p in sorted((shared_data / "coils").iterdir()) if p.name.endswith((".ccd", ".tcd", ".nii.gz"))
    ]
    assert len(found) >= 12
    for path in found:
        assert not doubts(lambda path=path: hf.read_coil(path)), path.name


# Casings


def test_a_casing_is_set_and_taken_off(tmp_path):
    coil = small()
    plate = hf.circular_coil().casing
    cased = coil.with_casing(plate)
    assert cased.casing.points_mm.tolist() == plate.points_mm.tolist()
    assert cased.didt_max == 1e8
    assert coil.with_casing(None).casing is None
    cased.write(tmp_path / "a.tcd")
    assert json.loads((tmp_path / "a.tcd").read_text())["coilCasing"] == 0
    assert hf.read_coil(tmp_path / "a.tcd").casing.faces.tolist() == plate.faces.tolist()
    with pytest.raises(hf.CoilError, match="casing must hold Casing, not str"):
        coil.with_casing("shell.stl")
