# SPDX-License-Identifier: BSD-3-Clause
"""The loops are compiled once per instruction set: all give the same numbers to rounding."""

import os
import subprocess
import sys

import numpy as np
import pytest
from given.random_meshes import random_poses
from given.systems import run, sphere

from headfield.core import _cpu


def results():
    system = sphere()
    rng = np.random.default_rng(0)
    points, positions, moments = (
        rng.uniform(-0.1, 0.1, (50, 3)),
        rng.uniform(0.2, 0.3, (40, 3)),
        rng.normal(size=(40, 3)),
    )
    adot = np.empty((50, 3, 8), np.float32)
    sources = _cpu.Sources(positions, moments, positions + 0.1, moments)
    _cpu.Grid([], sources).sample(points, random_poses(rng, 7), np.linspace(1, 2, 7), adot)
    b = system.right_hand_sides(8)
    phi, reports = run(_cpu.Solver(system.hierarchy, 8), b, 1e-12, 100)
    return {
        "name": np.array(_cpu.instruction_set),
        "potential": sources.vector_potential(points),
        "potential_float32": sources.vector_potential_float32(points),
        "magnetic_field": sources.magnetic_field(points),
        "distance": sources.nearest(points),
        "adot": adot,
        "b": b,
        "phi": phi,
        "iterations": np.array([r.iterations for r in reports]),
    }


def python(code, instruction_set):
    """Standard output of a program in a process whose loops use this instruction set, if there."""
    plugin = "import native_plugin; " if "native_plugin" in sys.modules else ""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {plugin}{code}"],
        env={**os.environ, "HEADFIELD_INSTRUCTION_SET": instruction_set},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


def available():
    """Instruction sets of this machine, best first; the environment may have asked for less than the best."""
    order = ["avx512", "avx2", "portable"]
    return order[order.index(_cpu.instruction_set) :]


@pytest.mark.parametrize("name", ["portable", "avx2"])
def test_instruction_sets_agree(name, tmp_path):
    file = str(tmp_path / "results.npz")
    if name not in available():
        pytest.skip(f"this machine has no {name}")
    python(f"import numpy, test_instruction_sets as t; numpy.savez({file!r}, **t.results())", name)
    here = results()
    with np.load(file) as there:
        assert there["name"] == name
        assert set(there) == set(here)
        for key, tolerance in {"potential": 1e-14, "magnetic_field": 1e-14, "b": 1e-13, "phi": 1e-10}.items():
            assert np.abs(there[key] - here[key]).max() <= tolerance * np.abs(here[key]).max(), key
        for key in ("potential_float32", "distance", "adot"):
            assert np.abs(there[key] - here[key]).max() <= 1e-5 * np.abs(here[key]).max(), key
        assert np.abs(there["iterations"] - here["iterations"]).max() <= 1


def test_an_instruction_set_that_is_none_is_refused_by_name():
    with pytest.raises(subprocess.CalledProcessError) as error:
        python("from headfield.core import _cpu", "mmx")
    assert "HEADFIELD_INSTRUCTION_SET=mmx" in error.value.stderr
    assert python("from headfield.core import _cpu; print(_cpu.instruction_set)", "") == _cpu.instruction_set
