# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives of measures of E are those of the CPU on each device."""

import numpy as np
import pytest

import headfield as hf

DIDT = 50e6


@pytest.mark.usefixtures("each_device")
def test_gradients_on_each_device():
    mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20)
    small = hf.Coil([[20, 0, -5.0], [-20, 0, -5.0]], [[0, 0, 0.02], [0, 0, -0.02]])
    here, there = hf.HeadModel(mesh, device="cpu"), hf.HeadModel(mesh)
    tops = [[8 * i, 0, 95] for i in range(3)]
    poses = np.stack([here.place(small, top, [top[0], 50, 95], distance_mm=8.0) for top in tops])
    ball = hf.regions.sphere(mesh, [0, 0, 60], 25, 2)
    for error in (0.0, 1e-3):
        wrt = ["pose", "didt", "conductivity", "elements", "dipoles"]
        one, other = (
            m.gradient(ball, small, poses, DIDT, wrt, tol=1e-9, primary_error=error) for m in (here, there)
        )
        for name in ("values", "pose", "didt", "conductivity", "element_conductivity", "dipole_positions"):
            a, b = getattr(one, name), getattr(other, name)
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(a).max())


@pytest.mark.usefixtures("each_device")
def test_functions_may_get_the_field_where_it_is():
    mesh = hf.sphere_mesh(radii_mm=[80, 92], tags=[2, 5], edge_mm=25)
    a_model, small = (
        hf.HeadModel(mesh),
        hf.Coil([[20, 0, -5.0], [-20, 0, -5.0]], [[0, 0, 0.02], [0, 0, -0.02]]),
    )
    pose = a_model.place(small, [0, 0, 95], [0, 50, 95], distance_mm=8.0)
    ball, kinds = hf.regions.sphere(mesh, [0, 0, 60], 30, 2), []

    def power(E):
        kinds.append(type(E).__module__.partition(".")[0])
        return (E * E).sum(axis=2).sum(axis=1)

    here = hf.MeasureFunction(ball, power, lambda E: 2.0 * E)
    there = hf.MeasureFunction(ball, power, lambda E: 2.0 * E, on_gpu=True)
    one, other = (a_model.gradient(m, small, pose, DIDT, primary_error=0.0) for m in (here, there))
    assert kinds == ["numpy", "cupy" if a_model.device == "cuda" else "numpy"]
    np.testing.assert_allclose(one.values, other.values, rtol=1e-12)
    np.testing.assert_allclose(one.pose, other.pose, rtol=1e-6, atol=1e-6 * np.abs(one.pose).max())
