# SPDX-License-Identifier: BSD-3-Clause
"""Objectives in PyTorch and JAX: their own checks of gradients, and the phantom.

These tests are run by test_hooks.py in a process of their own: the two packages take hundreds of MB, and
start threads, which processes that fork must not have.
"""

import numpy as np
import pytest
from given.landscapes import FAR, HILL, Hill, around
from given.targets import DIDT, coil, knob, model

import headfield as hf
from headfield.optimize.twists import OfMotions
from headfield.poses.motions import moved


def on_the_phantom():
    pose = model().place(coil(), [-40, -8, 70], [-40, 42, 70])
    return hf.optimize.Objective(model(), knob(), coil(), DIDT, tol=1e-10, primary_error=0), pose


# PyTorch


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs PyTorch: pip install 'headfield[torch]'")


def tensor(torch, array):
    return torch.tensor(np.asarray(array).tolist(), dtype=torch.float64, requires_grad=True)


def test_torch_agrees_with_itself(torch):
    function = hf.optimize.torch_function(HILL, around())
    assert torch.autograd.gradcheck(function, (tensor(torch, FAR),), eps=1e-5, atol=1e-8)


def test_torch_on_the_phantom(torch):
    objective, pose = on_the_phantom()
    function = hf.optimize.torch_function(objective, pose)
    motions = tensor(torch, 0.1 * FAR[:2])
    values, poses = function(motions), function.poses(motions)
    values.sum().backward()
    expected, _ = objective(moved(np.stack([pose, pose]), 0.1 * FAR[:2]))
    np.testing.assert_array_equal(values.tolist(), expected)
    np.testing.assert_array_equal(poses, moved(np.stack([pose, pose]), 0.1 * FAR[:2]))
    assert torch.autograd.gradcheck(function, (motions[:1].detach().requires_grad_(),), eps=1e-2, rtol=2e-3)


def test_torch_keeps_dtypes_and_optimises(torch):
    function = hf.optimize.torch_function(HILL, around(3))
    motions = torch.zeros((3, 6), dtype=torch.float32, requires_grad=True)
    assert function(motions).dtype == torch.float32
    scales = torch.tensor([10.0, 10, 10, 0.3, 0.3, 0.3], dtype=torch.float64)
    free = torch.zeros((3, 6), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([free], max_iter=40, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        total = -function(free * scales).sum()
        total.backward()
        return total

    optimizer.step(loss)
    np.testing.assert_allclose(function(free * scales).tolist(), 1.0, atol=1e-4)


# JAX


@pytest.fixture
def jax():
    module = pytest.importorskip("jax", reason="needs JAX: pip install 'headfield[jax]'")
    before = module.config.jax_enable_x64
    module.config.update("jax_enable_x64", True)
    yield module
    module.config.update("jax_enable_x64", before)


def test_jax_agrees_with_itself(jax):
    from jax.test_util import check_grads

    function = hf.optimize.jax_function(HILL, around()[0])
    check_grads(function, (jax.numpy.array(FAR[0]),), order=1, modes=["rev"], atol=1e-7, rtol=1e-6, eps=1e-4)


def test_jax_compiles_and_maps(jax):
    hill = Hill([5, -10, 110], [1, 2, 0.5])
    function, pose = hf.optimize.jax_function(hill, around()[0]), around()[0]
    values, gradients = OfMotions(HILL, pose)(FAR)
    found = jax.jit(jax.vmap(jax.value_and_grad(function)))(FAR)
    np.testing.assert_allclose(found[0], values, rtol=1e-12)
    np.testing.assert_allclose(found[1], gradients, rtol=1e-9, atol=1e-12)
    assert hill.calls == [8], "one batch"
    np.testing.assert_allclose(function(jax.numpy.array(FAR)), values, rtol=1e-12)
    one = jax.jit(jax.grad(lambda x: function(x) ** 2))(FAR[3])
    np.testing.assert_allclose(one, 2 * values[3] * gradients[3], rtol=1e-9, atol=1e-12)
    assert function(jax.numpy.array(FAR[0], "float32")).dtype == "float32"


def test_jax_on_the_phantom(jax):
    objective, pose = on_the_phantom()
    function = hf.optimize.jax_function(objective, pose)
    value, slope = jax.jit(jax.value_and_grad(function))(0.1 * FAR[0])
    expected, gradients = objective(moved(pose[None], 0.1 * FAR[:1]))
    assert float(value) == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(slope[:3] @ slope[:3], gradients[0, :3] @ gradients[0, :3], rtol=1e-9)
