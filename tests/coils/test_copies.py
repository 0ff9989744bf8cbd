# SPDX-License-Identifier: BSD-3-Clause
"""Coils travel: pickled or copied, a coil is its arrays, its parts and nothing else."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import headfield as hf

POINTS = np.random.default_rng(3).uniform([-60, -60, 8], [60, 60, 70], (40, 3))


def several():
    """A coil that has one of everything."""
    random = np.random.default_rng(0)
    casing = hf.circular_coil().body
    affine = np.array([[30, 0, 0, -75], [0, 30, 0, -90], [0, 0, 30, -10], [0, 0, 0, 1]])
    grid = hf.SampledPotential(random.uniform(-1e-7, 1e-7, (6, 7, 5, 3)), affine)
    pulse = hf.Waveform([0, 1e-6, 2e-6], [0, 1, 0], [0, 0.9, 0], "pulse")
    wire = hf.wire_segments([[0, 0, -9], [30, 0, -9], [0, 30, -9]], closed=True)
    dipoles = hf.Dipoles(random.uniform(-40, -5, (9, 3)), 1e-3 * random.normal(size=(9, 3)))
    return hf.Coil(
        elements=[
            hf.CoilElement(dipoles, 0, "wing", casing, (0, 1)),
            hf.CoilElement(wire, 1, casing=casing),
            hf.CoilElement(grid, 1),
        ],
        name="several",
        brand="ours",
        stimulators=[
            hf.Stimulator("a", "maker", 1e8, (pulse,)),
            hf.Stimulator("b"),
        ],
        deformations=[hf.Deformation("rot2p", 0, [0, 0, 0], [0, 1, 0]), hf.Deformation("x", 1)],
        deformation_ranges=[hf.DeformationRange(0, -30, 30), hf.DeformationRange(1, 0, 5)],
        casing=casing,
        limits_mm=[[-90, 90], [-80, 80], [0, 70]],
        resolution_mm=[3, 4, 5],
    ).deformed(11.0, 2.5)


COILS = {"layout": hf.figure_of_eight, "bent": hf.bent_figure_of_eight, "several": several}
WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": lambda coil, p=p: pickle.loads(pickle.dumps(coil, p)) for p in range(2, 6)},
}


def arrays(thing, path=""):
    """All arrays in a coil, and its parts, by where they are."""
    if isinstance(thing, np.ndarray):
        return {path: thing}
    if isinstance(thing, tuple):
        pairs = {f"{path}[{i}]": part for i, part in enumerate(thing)}
    else:
        pairs = {f"{path}.{key}": part for key, part in getattr(thing, "__dict__", {}).items()}
    return {where: array for key, part in pairs.items() for where, array in arrays(part, key).items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", COILS)
def test_a_copy_has_the_same_bits_and_is_as_frozen(make, way):
    coil = COILS[make]()
    first, second = arrays(coil), arrays(WAYS[way](coil))
    assert len(first) > 1
    assert first.keys() == second.keys()
    for where, array in first.items():
        assert second[where].dtype == array.dtype, where
        assert second[where].tobytes() == array.tobytes(), where
        assert second[where].shape == array.shape, where
        assert not second[where].flags.writeable, where


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", COILS)
def test_a_copy_is_the_same_coil(make, way):
    coil = COILS[make]()
    other = WAYS[way](coil)
    assert type(other) is hf.Coil
    assert repr(other) == repr(coil)
    for stimulator in (None, *range(coil.n_stimulators)):
        a, b = (c.vector_potential(POINTS, stimulator=stimulator) for c in (coil, other))
        assert a.tobytes() == b.tobytes()
    assert (other.brand, other.deformation_values) == (coil.brand, coil.deformation_values)
    assert other.deformation_ranges == coil.deformation_ranges
    for a, b in zip(coil.stimulators, other.stimulators, strict=True):
        assert (a.name, a.brand, a.didt_max) == (b.name, b.brand, b.didt_max)
    np.testing.assert_array_equal(other.casing.points_mm, coil.casing.points_mm)
    np.testing.assert_array_equal(other.casing.faces, coil.casing.faces)


def test_parts_that_share_a_casing_share_it_still(tmp_path):
    coil = several()
    for other in (copy.deepcopy(coil), pickle.loads(pickle.dumps(coil))):
        assert other.body is other.elements[0].casing is other.elements[1].casing
        coil.write(tmp_path / "a.tcd")
        other.write(tmp_path / "b.tcd")
        assert (tmp_path / "a.tcd").read_bytes() == (tmp_path / "b.tcd").read_bytes()


def test_what_was_computed_does_not_travel():
    coil, used = hf.figure_of_eight(), hf.figure_of_eight()
    assert len(used.dipole_positions_mm)
    assert pickle.dumps(used) == pickle.dumps(coil)
    grid = several().elements[2].source
    before = len(pickle.dumps(grid))
    assert grid.lattice[2].nbytes > 1000
    assert len(pickle.dumps(grid)) == before


def test_another_process_computes_the_same_bits(tmp_path):
    coil = several()
    (tmp_path / "coil").write_bytes(pickle.dumps(coil))
    np.save(tmp_path / "points.npy", POINTS)
    program = (
        "import pickle, sys, numpy as np\n"
        "coil = pickle.loads(open(sys.argv[1] + '/coil', 'rb').read())\n"
        "a = coil.vector_potential(np.load(sys.argv[1] + '/points.npy'))\n"
        "sys.stdout.buffer.write(a.tobytes())\n"
    )
    result = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=True)
    assert result.stdout == coil.vector_potential(POINTS).tobytes()
