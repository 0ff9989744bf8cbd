# SPDX-License-Identifier: BSD-3-Clause
"""What may be asked of placing: heads and points that are named, and numbers within bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number
from ..errors import PoseError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..heads.subject import Subject
from ..poses.pose import MAX_TRANSLATION_MM
from .scalp import Scalp
from .sites import Sites, site_at

__all__ = ["MAX_SLIDE_MM", "Head", "first_site", "given_distance", "given_smoothing", "two_numbers"]

Floats = NDArray[np.float64]
Head = TetMesh | Surface | Subject

MAX_SLIDE_MM = 100.0
_SMOOTH_MM = (1.0, 50.0)  # below, there is nothing to average on any scalp; above, it is half the head


def first_site(
    head: Head, centre_mm: ArrayLike | str, handle_mm: ArrayLike | str, smooth_mm: float
) -> tuple[Scalp, Sites]:
    """Return the scalp with its normals, and the site of the centre there."""
    if isinstance(head, Subject):
        surface = skin(head.mesh())
        centre_mm, handle_mm = (head.point(p) if isinstance(p, str) else p for p in (centre_mm, handle_mm))
    else:
        surface = skin(head)
    for name, value in (("centre_mm", centre_mm), ("handle_mm", handle_mm)):
        if isinstance(value, str):
            raise PoseError(
                f"{name} = {value!r} is a name: it needs a Subject in place of the mesh, or give the point, "
                "such as template_positions()['F3'] of the template head"
            )
    scalp = Scalp(surface, given_smoothing(smooth_mm))
    return scalp, site_at(scalp, centre_mm, handle_mm)


def given_smoothing(smooth_mm: float) -> float:
    """Return the radius of the area that a coil rests on, mm; 0 for the point below it."""
    smooth = finite_number(smooth_mm, "smooth_mm", PoseError)
    low, high = _SMOOTH_MM
    if smooth and not low <= smooth <= high:
        raise PoseError(f"smooth_mm = {smooth_mm!r} must be 0, or between {low:g} and {high:g}")
    return smooth


def given_distance(distance_mm: float) -> float:
    """Return a distance from the scalp, mm."""
    distance = finite_array(distance_mm, "distance_mm", PoseError)
    if distance.shape != () or not 0 <= distance <= MAX_TRANSLATION_MM:
        raise PoseError(f"distance_mm = {distance_mm!r} must be a number, 0 or more")
    return float(distance)


def two_numbers(values: ArrayLike, name: str, largest: float) -> Floats:
    """Return two numbers, along or about x and y, that are together no more than `largest`."""
    two = finite_array(values, name, PoseError)
    if two.shape != (2,):
        raise PoseError(f"{name} must be two numbers, along or about x and y, not of shape {two.shape}")
    if np.linalg.norm(two) > largest:
        raise PoseError(f"{name} = {two.tolist()} is more than {largest:g} in all")
    return two
