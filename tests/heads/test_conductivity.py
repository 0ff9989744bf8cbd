# SPDX-License-Identifier: BSD-3-Clause
"""Conductivities: the table, dicts, scalars, tensors; what is refused and how it is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield.errors import ConductivityError
from headfield.heads.conductivity import resolve
from headfield.heads.tissues import TISSUES, tissue

TAGS = np.array([1, 2, 2, 5])


def test_the_standard_table():
    expected = [0.126, 0.275, 1.654, 0.010, 0.465, 0.5, 0.008, 0.025, 0.6, 0.16, 0.88, 0.078]
    np.testing.assert_array_equal(resolve(None, np.arange(1, 13)), expected)
    np.testing.assert_array_equal(resolve(None, [100, 499, 500, 899]), [29.4, 29.4, 1.0, 1.0])
    assert sorted(TISSUES) == list(range(1, 13))
    assert [tissue(tag) for tag in (-1, 0, 13, 99, 900, 1005)] == [None] * 6


def test_a_dict_goes_before_the_table():
    np.testing.assert_array_equal(resolve({2: 0.4, np.int16(900): 3}, [1, 2, 900, 2]), [0.126, 0.4, 3, 0.4])


def test_tags_that_no_tetrahedron_has_are_said():
    with pytest.warns(UserWarning, match=r"tags \[4, 77\], which no tetrahedron has"):
        values = resolve({4: 0.02, 77: 1.0, 5: 0.3}, TAGS)
    np.testing.assert_array_equal(values, [0.126, 0.275, 0.275, 0.3])


def test_unknown_tags_are_counted():
    message = r"no conductivity for tag -1 \(1 tetrahedron\), tag 13 \(2 tetrahedra\): give one as {tag: S/m}"
    with pytest.raises(ConductivityError, match=message):
        resolve(None, [13, 1, -1, 13])
    with pytest.raises(ConductivityError, match=r"for tag -1 \(1"):
        resolve({13: 1.0}, [13, 1, -1, 13])


def test_scalars_and_a_number():
    np.testing.assert_array_equal(resolve(0.3, [99, 98]), [0.3, 0.3])  # the tags need not be known
    given_values = np.array([1.0, 2, 3, 4])
    values = resolve(given_values, TAGS)
    np.testing.assert_array_equal(values, given_values)
    assert not np.shares_memory(values, given_values)
    assert resolve([1, 2, 3, 4], TAGS).dtype == np.float64


@pytest.mark.parametrize("bad", [0.0, -0.1, np.nan, np.inf, 1e9, 1e-320, 9e-13])
def test_scalars_that_are_no_conductivity_are_named(bad):
    with pytest.raises(
        ConductivityError, match=rf"of 2 of 4 tetrahedra .* first: tetrahedron 1, tag 2, {bad}"
    ):
        resolve([1.0, bad, bad, 1.0], TAGS)
    with pytest.raises(ConductivityError, match="of 4 of 4 tetrahedra"):
        resolve(bad, TAGS)
    with pytest.raises(ConductivityError, match=f"conductivity of tag 2 = {bad}"):
        resolve({2: bad}, TAGS)


@pytest.mark.parametrize(
    "conductivity",
    ["standard", {2: "0.3"}, {2: [1, 2]}, {2: None}, {2.5: 1.0}, {"gray": 1.0}, np.ones(3), np.ones((4, 6))]
    + [np.ones((3, 3)), np.ones((3, 3, 3)), [[1], [1, 2]], np.array([1j] * 4), np.ones((4, 1))],
)
def test_what_is_no_conductivity_is_refused(conductivity):
    with pytest.raises(ConductivityError, match="conductivity"):
        resolve(conductivity, TAGS)


@pytest.mark.parametrize("tags", [[], [1.5], [[1]], 3, ["a"], None])
def test_what_are_no_tags_is_refused(tags):
    with pytest.raises(ConductivityError, match="tags must be whole numbers"):
        resolve(None, tags)


# Tensors


def tensor(values, axes):
    q, _ = np.linalg.qr(axes)
    return (q * values) @ q.T


@given(
    arrays(float, 3, elements=st.floats(1e-3, 10)),
    arrays(float, (3, 3), elements=st.floats(-1, 1)),
)
@settings(max_examples=100, deadline=None)
def test_positive_definite_tensors_pass_and_others_do_not(values, axes):
    good = tensor(values, axes)
    resolved = resolve(np.stack([good] * 4), TAGS)
    np.testing.assert_allclose(resolved[0], good, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(resolved, np.swapaxes(resolved, 1, 2))
    for bad in (tensor(values * [1, 1, -0.01], axes), tensor(values * [1, 0, 1], axes), -good):
        with pytest.raises(
            ConductivityError, match=r"1 of 4 tetrahedra is not pos.* first: tetrahedron 3, tag 5"
        ):
            resolve(np.stack([good, good, good, bad]), TAGS)


def test_two_negative_eigenvalues_are_not_positive():
    with pytest.raises(ConductivityError, match=r"not positive-definite .*; first: tetrahedron 0"):
        resolve(np.tile(np.diag([5.0, -1.0, -1.0]), (4, 1, 1)), TAGS)  # determinant and trace are positive


def test_the_least_eigenvalue_has_a_limit():
    axes = np.random.default_rng(1).normal(size=(3, 3))
    resolve(np.stack([tensor(np.array([3e-12, 2e-12, 1.01e-12]), axes)] * 4), TAGS)
    for values in ([3e-12, 2e-12, 0.99e-12], [1e-320] * 3, [1.0, 1.0, 1e-320]):
        with pytest.raises(ConductivityError, match="of 4 of 4 tetrahedra is not positive-definite"):
            resolve(np.stack([tensor(np.array(values), axes)] * 4), TAGS)


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000], ids=["large", "negative", "unprintable"])
def test_a_number_beyond_any_float_is_refused(value):
    with pytest.raises(ConductivityError, match="conductivity of tag 2 must be a finite number, not one bey"):
        resolve({2: value}, TAGS)
    with pytest.raises(ConductivityError, match="conductivity: not real numbers"):
        resolve(value, TAGS)


def test_the_limits_themselves_pass():
    np.testing.assert_array_equal(resolve([1e-12, 1e8, 1.0, 1.0], TAGS), [1e-12, 1e8, 1.0, 1.0])


def test_an_asymmetric_tensor_is_named_and_rounding_is_not():
    tensors = np.tile(np.diag([1.0, 2.0, 3.0]), (4, 1, 1))
    tensors[2, 0, 1] = 1e-8
    resolved = resolve(tensors, TAGS)
    assert resolved[2, 0, 1] == resolved[2, 1, 0] == 0.5e-8
    tensors[2, 0, 1] = 1e-3
    with pytest.raises(
        ConductivityError, match="1 of 4 tetrahedra is not symmetric; first: tetrahedron 2, tag 2"
    ):
        resolve(tensors, TAGS)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_tensor_that_is_not_finite_or_absurd_is_named(bad):
    tensors = np.tile(np.eye(3), (4, 1, 1))
    tensors[1, 0, 0] = bad
    off_diagonal = np.tile(np.eye(3), (4, 1, 1))
    off_diagonal[1, 0, 1] = off_diagonal[1, 1, 0] = bad
    with pytest.raises(ConductivityError, match=r"1 of 4 tetrahedra is not .* first: tetrahedron 1, tag 2"):
        resolve(tensors, TAGS)
    with pytest.raises(ConductivityError, match=r"1 of 4 tetrahedra is not .* first: tetrahedron 1, tag 2"):
        resolve(off_diagonal, TAGS)
