# SPDX-License-Identifier: BSD-3-Clause
"""Sums of modes that are kept in 16 bits: right, with bits that depend on no other set and no thread."""

import numpy as np
import pytest
from devices import native
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("each_device")
BLOCK = 32


def modes(n, columns, sets, seed=0):
    rng = np.random.default_rng(seed)
    blocks = -(-columns // BLOCK)
    values = rng.integers(-32768, 32768, (blocks, n, BLOCK)).astype(np.int16)
    scales = rng.uniform(0.0, 1e-3, (blocks, n)).astype(np.float32)
    return values, scales, rng.normal(size=(sets, n)).astype(np.float32)


def rows(values, scales, columns):
    table = np.moveaxis(values * scales[..., None].astype(float), 0, 1)
    return table.reshape(values.shape[1], len(values) * BLOCK)[:, :columns]


@given(st.integers(0, 40), st.integers(1, 100), st.integers(0, 9), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_they_are_the_product(n, columns, sets, seed):
    values, scales, weights = modes(n, columns, sets, seed)
    table = rows(values, scales, columns)
    sizes = np.abs(weights).astype(float) @ np.abs(table)
    found = native.mode_sums(values, scales, weights, columns)
    assert found.shape == (sets, columns)
    assert (np.abs(found - weights.astype(float) @ table) <= 2.0**-22 * (n + 1) * sizes + 1e-30).all()


def test_a_set_has_the_same_bits_beside_any_others():
    values, scales, weights = modes(300, 1000, 11)
    whole = native.mode_sums(values, scales, weights, 1000)
    for some in (slice(0, 1), slice(3, 5), slice(4, 11)):
        part = native.mode_sums(values, scales, np.ascontiguousarray(weights[some]), 1000)
        np.testing.assert_array_equal(part, whole[some])


def test_threads_make_no_difference():
    values, scales, weights = modes(300, 5000, 3)
    most = native.max_threads()
    try:
        native.set_threads(1)
        one = native.mode_sums(values, scales, weights, 5000)
        native.set_threads(4)
        np.testing.assert_array_equal(native.mode_sums(values, scales, weights, 5000), one)
    finally:
        native.set_threads(most)


@pytest.mark.parametrize("columns", [0, 32, 65])
def test_columns_end_in_the_last_block(columns):
    values, scales, weights = modes(3, 64, 1)
    with pytest.raises(ValueError, match="columns"):
        native.mode_sums(values, scales, weights, columns)
