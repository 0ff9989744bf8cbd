# SPDX-License-Identifier: BSD-3-Clause
"""Conductivity of each tetrahedron: from the table of tissues, a dict, scalars or tensors. All in S/m."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_number, is_whole, plain_array, real_array
from ..core.messages import doubt, plural, warn
from ..errors import ConductivityError
from .tissues import AIR, TISSUES, tissue, usual_range

__all__ = ["MOST_CONTRAST", "doubt_tissues", "mean_conductivity", "resolve", "warn_of_contrast"]


# S/m: from far below any tissue (fat has 0.08) to silver (6.3e7).
_MIN, _MAX = 1e-12, 1e8
_LIMITS = "from 1e-12 to 1e8 S/m"
_ASYMMETRY = 1e-6
_AIR = (
    f"; tag {AIR} is the air around a head in SimNIBS, which is best left out: --without-tags {AIR}, or "
    f"mesh.crop(without_tags={AIR})"
)
_SOME = 10  # tags that a message lists
_HAIR = 1e-9  # relative: the mean of equal numbers is rounded

# Largest conductivity over the smallest. Where an element conducts r times less than the best in the head,
# its share of K and b is r times smaller, and a residual of ‖b − Kφ‖ ≤ tol ‖b‖ bounds the error of E in it by
# r tol alone. With the smallest tolerance of a solve, 1e-13, that is a thousandth at this contrast. (Rows of
# nodes between weak and strong elements lose the weak ones to rounding at 2^52 = 4.5e15.) Heads have 200,
# with rubber electrodes 4e3.
MOST_CONTRAST = 1e10


def resolve(conductivity: float | Mapping[int, float] | ArrayLike | None, tags: ArrayLike) -> np.ndarray:
    """Return the conductivity of each tetrahedron.

    Parameters
    ----------
    conductivity : None, float, dict, array_like (m,) or (m, 3, 3)
        None: the standard table by tag. A dict {tag: S/m}: these tags, the table for the others. A number:
        the same everywhere. An array: one value or one symmetric positive-definite tensor per tetrahedron,
        S/m.
    tags : array_like (m,) int
        Tissue tag of each tetrahedron.

    Returns
    -------
    ndarray (m,) or (m, 3, 3) float64
        S/m, a copy. Tensors that are asymmetric within the tolerance (1e-6 of the trace) are made symmetric.

    Raises
    ------
    ConductivityError
        A tag of the mesh is neither in the dict nor in the table; the shape is wrong; values are not finite
        or not from 1e-12 to 1e8 S/m; tensors are not symmetric positive-definite within these limits. The
        message has the count, the first tetrahedron, its tag and its value.

    Warns
    -----
    UserWarning
        The dict has tags that no tetrahedron has.

    Examples
    --------
    >>> resolve(None, [1, 2, 5])
    array([0.126, 0.275, 0.465])
    >>> resolve({5: 0.3, 77: 2.0}, [1, 77, 5])
    array([0.126, 2.   , 0.3  ])
    >>> resolve(None, [1, 77, 77])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    headfield.errors.ConductivityError: no conductivity for tag 77 (2 tetrahedra): give one as ...
    """
    tag_array = _check_tags(tags)
    if conductivity is None or isinstance(conductivity, Mapping):
        return _by_tag(conductivity or {}, tag_array)
    values = real_array(conductivity, "conductivity", ConductivityError)
    m = len(tag_array)
    if values.shape == ():
        values = np.full(m, float(values))
    if values.shape == (m,):
        _check_none(~_plausible(values), values, tag_array, f"not a number {_LIMITS}")
        return values
    if values.shape == (m, 3, 3):
        return _check_tensors(values, tag_array)
    raise ConductivityError(f"conductivity must have the shape ({m},) or ({m}, 3, 3), not {values.shape}")


def warn_of_contrast(values: np.ndarray, tags: np.ndarray) -> None:
    """Warn of conductivities that differ by more than a residual can tell of.

    Parameters
    ----------
    values : ndarray (m,) or (m, 3, 3) float64
        As `resolve` returns them, S/m.
    tags : ndarray (m,) int

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     warn_of_contrast(np.array([1e-12, 0.3, 1.7]), np.array([99, 1, 3]))
    >>> print(str(said[0].message)[:86])
    conductivities from 1e-12 to 1.7 S/m: how well a solve has converged says nothing of E
    """
    low, high = _extremes(values, exact=False)
    if not high.max() > MOST_CONTRAST * low.min():
        return
    low, high = _extremes(values, exact=True)
    weak = high.max() > MOST_CONTRAST * low
    if weak.any():
        found = np.unique(tags[weak])
        named = ", ".join(map(str, found[:_SOME].tolist()))
        more = ", …" if len(found) > _SOME else ""
        warn(
            f"conductivities from {low.min():.3g} to {high.max():.3g} S/m: how well a solve has converged "
            f"says nothing of E in the {weak.sum():,} of {len(weak):,} tetrahedra that conduct less than the "
            f"best by a factor of {MOST_CONTRAST:g} (tags [{named}{more}]); it may be off there by any amount"
        )


def mean_conductivity(values: np.ndarray) -> np.ndarray:
    """Return the mean over directions, (m,), of conductivities (m,) or (m, 3, 3), S/m.

    Examples
    --------
    >>> mean_conductivity(np.array([np.diag([1.0, 2.0, 6.0])]))
    array([3.])
    """
    return values if values.ndim == 1 else np.trace(values, axis1=1, axis2=2) / 3.0


def doubt_tissues(values: np.ndarray, tags: np.ndarray) -> None:
    """Warn of tissues that conduct far less or more, on average, than those of heads do.

    Parameters
    ----------
    values : ndarray (m,) or (m, 3, 3) float64
        As `resolve` returns them, S/m.
    tags : ndarray (m,) int

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     doubt_tissues(np.array([126.0, 0.3, 1.7]), np.array([1, 2, 3]))
    >>> print(str(said[0].message)[:101])
    conductivity of tag 1 (white matter) is 126 S/m, not between 0.0126 and 1.26: 126 mS/m would be 0.126
    """
    of_table = np.where((tags > 0) & (tags <= max(TISSUES)), tags, 0)
    scalar = mean_conductivity(values)
    counts, sums = np.bincount(of_table), np.bincount(of_table, scalar)
    for tag in (np.flatnonzero(counts[1:]) + 1).tolist():
        mean, low, high = sums[tag] / counts[tag], *usual_range(tag)
        if not low * (1 - _HAIR) <= mean <= high * (1 + _HAIR):
            hint = f"{mean:g} mS/m would be {mean * 1e-3:g}" if mean > high else "is it in S/m?"
            doubt(
                f"conductivity of tag {tag} ({TISSUES[tag].name}) is {mean:g} S/m, not between {low:g} and "
                f"{high:g}: {hint}"
            )


def _extremes(values: np.ndarray, *, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and largest eigenvalue (m,) of each conductivity, or bounds further out."""
    if values.ndim == 1:
        return values, values
    if exact:
        each = np.linalg.eigvalsh(values)
        return each[:, 0], each[:, 2]
    (a, d, e), (_, b, f), (_, _, c) = np.moveaxis(values, 0, 2)
    trace = a + b + c
    determinant = a * (b * c - f * f) - d * (d * c - e * f) + e * (d * f - e * b)
    return 4.0 * determinant / trace**2, trace  # the other two have a product of (trace / 2)² at most


def _check_tags(tags: ArrayLike) -> np.ndarray:
    array = plain_array(tags, "tags", ConductivityError)
    if array.ndim != 1 or not len(array) or array.dtype.kind not in "iu":
        raise ConductivityError(f"tags must be whole numbers (m,), m ≥ 1, not {array.dtype} {array.shape}")
    return array


def _by_tag(given: Mapping[int, float], tags: np.ndarray) -> np.ndarray:
    for tag, value in given.items():
        if not is_whole(tag):
            raise ConductivityError(f"conductivity by tag: {tag!r} is not a tag, tags are whole numbers")
        number = finite_number(value, f"conductivity of tag {tag}", ConductivityError)
        if not _plausible(np.float64(number)):
            raise ConductivityError(f"conductivity of tag {tag} = {number} is not a number {_LIMITS}")
    found = np.unique(tags)
    where = np.searchsorted(found, tags)  # far cheaper than return_inverse, which sorts
    counts = np.bincount(where)
    absent = sorted(int(tag) for tag in set(given) - set(found.tolist()))
    if absent:
        warn(f"conductivity given for tags {absent}, which no tetrahedron has")
    values = np.empty(len(found))
    unknown = []
    for i, tag in enumerate(found.tolist()):
        standard = tissue(tag)
        if tag in given:
            values[i] = given[tag]
        elif standard is not None:
            values[i] = standard.conductivity
        else:
            unknown.append(f"tag {tag} ({plural(int(counts[i]), 'tetrahedron', 'tetrahedra')})")
    if unknown:
        air = _AIR if AIR in found and AIR not in given else ""
        raise ConductivityError(
            f"no conductivity for {', '.join(unknown[:20])}: give one as {{tag: S/m}} (--conductivity){air}"
        )
    return values[where]


def _check_tensors(tensors: np.ndarray, tags: np.ndarray) -> np.ndarray:
    xx, xy, xz, yx, yy, yz, zx, zy, zz = np.ascontiguousarray(tensors.reshape(-1, 9).T)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and inf fail the comparisons below
        trace = xx + yy + zz
        what = f"not positive-definite, or its trace is not a number {_LIMITS}"
        _check_none(~_plausible(trace), tensors, tags, what)
        off = np.maximum(np.maximum(np.abs(xy - yx), np.abs(xz - zx)), np.abs(yz - zy))
        _check_none(~(off <= _ASYMMETRY * trace), tensors, tags, "not symmetric")
        # By Sylvester's criterion a matrix is positive-definite if its leading minors are positive. That is
        # far cheaper than the eigenvalues of millions of tensors. The lowest conductivity is subtracted
        # first, so that no eigenvalue is below it, and the limit grows with the trace, so that rounding
        # can't let a singular tensor pass.
        d, e, f = 0.5 * (xy + yx), 0.5 * (xz + zx), 0.5 * (yz + zy)
        x, y, z = xx - _MIN, yy - _MIN, zz - _MIN
        minor = x * y - d * d
        determinant = z * minor - x * f * f - y * e * e + 2 * d * e * f
    bad = ~((x > 0) & (minor > 0) & (determinant > 1e-14 * trace**3))
    _check_none(bad, tensors, tags, "not positive-definite with all eigenvalues above 1e-12 S/m")
    return np.stack([xx, d, e, d, yy, f, e, f, zz], axis=1).reshape(-1, 3, 3)


def _plausible(values: np.ndarray | np.float64) -> np.ndarray:
    return np.asarray((values >= _MIN) & (values <= _MAX))


def _check_none(bad: np.ndarray, values: np.ndarray, tags: np.ndarray, what: str) -> None:
    """Raise ConductivityError if some are bad; `what` says in what way."""
    index = np.flatnonzero(bad)
    if len(index):
        i = index[0]
        first = f"tetrahedron {i}, tag {tags[i]}, {values[i].tolist()}"
        raise ConductivityError(
            f"conductivity of {len(index)} of {len(bad)} tetrahedra is {what}; first: {first}"
        )
