# SPDX-License-Identifier: BSD-3-Clause
"""Texts of parameters that several functions share, and the decorator that puts them into docstrings.

A docstring names a text by a line of its own, `%(weights)s`, and `fill_doc` replaces the line when the module
is imported; `help` and the documentation show the whole. NumPy-style docstrings of nilearn and MNE-Python are
made in the same way.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["fill_doc"]

Documented = TypeVar("Documented", bound=Callable[..., Any])

_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)


def fill_doc(function: Documented) -> Documented:
    """Replace each line `%(name)s` in the docstring of a function, method or class by the text of that name.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        The same object.

    Raises
    ------
    KeyError
        There is no text of a name.

    Examples
    --------
    >>> @fill_doc
    ... def strongest(magnitude):
    ...     '''Return the largest value.
    ...
    ...     Parameters
    ...     ----------
    ...     %(magnitude)s
    ...     '''
    >>> print(strongest.__doc__)
    Return the largest value.
    <BLANKLINE>
        Parameters
        ----------
        magnitude : array_like (m,) or (k, m)
            |E|, V/m.
    <BLANKLINE>
    """
    if function.__doc__ is not None:  # python -OO leaves docstrings out
        function.__doc__ = _PLACE.sub(_indented, function.__doc__)
    return function


def _indented(place: re.Match[str]) -> str:
    return textwrap.indent(_TEXTS[place[2]], place[1])


def _texts(source: str) -> dict[str, str]:
    """Parse paragraphs of a name, alone in its line, and the indented text that it stands for."""
    found = {}
    for paragraph in textwrap.dedent(source).strip().split("\n\n"):
        name, _, text = paragraph.partition("\n")
        found[name] = textwrap.dedent(text)
    return found


_TEXTS = _texts(
    """
    magnitude
        magnitude : array_like (m,) or (k, m)
            |E|, V/m.

    magnitude_not_negative
        magnitude : array_like (m,) or (k, m)
            |E|, V/m; not negative.

    weights
        weights : array_like (m,)
            Volumes or areas of the elements in any unit: not negative, and not all zero. An element of weight
            0 is left out.

    centres_mm
        centres_mm : array_like (m, 3)
            Barycentres of the elements, mm.

    fraction
        fraction : float
            Above 0, at most 1.

    percent
        percent : float
            The percentile of |E| that stands for the peak, 0 to 100.

    target
        target : array_like (m,) bool
            The elements of the target.

    E
        E : array_like (m, 3) or (k, m, 3)
            Electric field, V/m.

    only_tags
        tags : int, str, or sequence of them, optional
            Only tetrahedra of these tissues, by tag or name (2, "gray matter"); by default those of all.

    reach_mm
        reach_mm : float, optional
            A point outside of these tetrahedra is moved to the nearest point of the nearest one if that is no
            farther away than this, mm.

    poses
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm.

    coil_file
        path : path
            The file. Its ending does not matter here.

    name_and_didt_max
        name : str
            Free text.
        didt_max : float, optional
            The largest dI/dt, A/s.

    about_the_coil
        name, brand, stimulator : str
            Free text: names of the coil, of its maker, and of its stimulator.
        didt_max : float, optional
            The largest dI/dt, A/s.
        casing : Casing, optional
            The surface of its housing.

    windings
        inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm
            Of each wing; see `circular_coil`.

    wire
        paths_mm : array_like (p, 3), or several of them
            Polylines in the coil frame, mm. The current flows from the first point to the last.
        turns : float or one per path
            How often the wire takes the path; a negative number reverses the current.
        closed : bool, optional
            True: a straight segment leads from the end of each path back to its start. False: paths end where
            they end. By default they do too, with a warning unless the current goes on in other paths.
        max_segment_mm : float or None
            Longer segments are cut into equal parts; None leaves all as they are.
        points_per_segment : int
            1 to 20.

    stream_function
        points_mm : array_like (p, 3)
            Corners of the surface in the coil frame, mm.
        faces : array_like (f, 3) int
            Triangles as indices of points, counted from 0. All must run the same way around: seen from where
            they run anticlockwise, current flows with the higher ψ on its left.
        psi : array_like (p,)
            Amperes in the surface per ampere of coil current: the number of turns between two points of a
            winding is the difference of their ψ. A constant added to it changes nothing.
    """
)
