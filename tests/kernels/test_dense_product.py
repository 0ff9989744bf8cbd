# SPDX-License-Identifier: BSD-3-Clause
"""Products of dense matrices: right, with bits that depend on nothing but the row and column of a number."""

import numpy as np
import pytest
from devices import native
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("each_device")


def matrices(rows, inner, columns, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape).astype(np.float32) for shape in ((rows, inner), (inner, columns)))


@given(st.integers(0, 9), st.integers(0, 40), st.integers(0, 70), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_it_is_the_product(rows, inner, columns, seed):
    a, b = matrices(rows, inner, columns, seed)
    exact = a.astype(float) @ b.astype(float)
    sizes = np.abs(a).astype(float) @ np.abs(b).astype(float)
    assert (np.abs(native.product(a, b) - exact) <= 2.0**-23 * max(inner, 1) * sizes + 1e-30).all()


def test_a_number_has_the_same_bits_beside_any_others():
    a, b = matrices(37, 300, 53)
    whole = native.product(a, b)
    for rows, columns in (
        (slice(5, 6), slice(None)),
        (slice(None), slice(16, 49)),
        (slice(2, 9), slice(50, 53)),
    ):
        part = native.product(np.ascontiguousarray(a[rows]), np.ascontiguousarray(b[:, columns]))
        np.testing.assert_array_equal(part, whole[rows, columns])


def test_threads_make_no_difference():
    a, b = matrices(240, 500, 64)
    most = native.max_threads()
    try:
        native.set_threads(1)
        one = native.product(a, b)
        native.set_threads(4)
        np.testing.assert_array_equal(native.product(a, b), one)
    finally:
        native.set_threads(most)
