# SPDX-License-Identifier: BSD-3-Clause
"""Objectives as functions of motions, and in PyTorch and JAX."""

import builtins
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from given.landscapes import FAR, HILL, around

import headfield as hf
from headfield.optimize.twists import OfMotions
from headfield.poses.motions import moved

FRAMEWORKS = Path(__file__).with_name("frameworks.py")


def test_gradients_by_motions_are_differences():
    function = OfMotions(HILL, around())
    _, found = function(FAR)
    for i in range(6):
        step = 1e-5 * np.eye(6)[i]
        slope = (function(FAR + step)[0] - function(FAR - step)[0]) / 2e-5
        np.testing.assert_allclose(found[:, i], slope, atol=1e-9)
    np.testing.assert_array_equal(function.ends(FAR), moved(around(), FAR))


def test_motions_of_another_number_are_refused():
    with pytest.raises(hf.ArgumentError, match=r"motions must have the shape \(8, 6\), not \(3, 6\)"):
        OfMotions(HILL, around())(FAR[:3])
    with pytest.raises(hf.ArgumentError, match=r"\(k, 6\), not \(6,\)"):
        OfMotions(HILL, np.eye(4))(FAR[0])
    with pytest.raises(hf.ArgumentError, match="function of poses, not int"):
        OfMotions(3, np.eye(4))


@pytest.mark.parametrize(("name", "hook"), [("torch", "torch_function"), ("jax", "jax_function")])
def test_packages_that_are_missing_are_named(monkeypatch, name, hook):
    real = builtins.__import__

    def without(module, *rest):
        if module == name:
            raise ImportError(module)
        return real(module, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(hf.MissingPackageError, match=rf"pip install 'headfield\[{name}\]'"):
        getattr(hf.optimize, hook)(HILL, np.eye(4))


@pytest.mark.parametrize(("name", "extra"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_hooks_agree_with_differences(name, extra):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {extra}: pip install 'headfield[{name}]'")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", name, str(FRAMEWORKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
