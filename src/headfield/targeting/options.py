# SPDX-License-Identifier: BSD-3-Clause
"""The options of a search, checked before any work begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number, not_negative, positive, whole, within
from ..errors import ArgumentError, PoseError
from ..placement.options import given_distance, given_smoothing

__all__ = ["SearchOptions"]

Floats = NDArray[np.float64]

_SPACING_MM = (0.5, 50.0)
_MOST_RIVALS = 500
_MOST_TILT_DEG = 45.0
_MOST_CLEAR_MM = 10.0  # which the distances around a scalp are tabulated for


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchOptions:
    """Where a search looks, and how far it goes; `headfield.search` says what each option means.

    Raises
    ------
    ArgumentError, PoseError

    Examples
    --------
    >>> SearchOptions(spacing_mm=2).radius_mm
    60.0
    >>> SearchOptions(rivals=-1)
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: rivals = -1 must be a whole number from 0 to 500
    """

    centre_mm: ArrayLike | None = None
    radius_mm: float | None = 60.0
    spacing_mm: float = 4.0
    angle_step_deg: float = 5.0
    distance_mm: float = 4.0
    tilts_deg: ArrayLike = ((0.0, 0.0),)
    clear_mm: float | None = 0.0
    smooth_mm: float = 10.0
    handle_deg: ArrayLike | None = None
    handle_over_face: bool = False
    avoid: Sequence[tuple[ArrayLike, float]] = ()
    jitter: tuple[float, float] | None = None
    refine: bool = True
    rivals: int = 8
    zoom_error: float | None = None
    tol: float = 1e-5

    def __post_init__(self) -> None:
        if self.centre_mm is not None:
            centre = finite_array(self.centre_mm, "centre_mm", PoseError)
            if centre.shape != (3,):
                raise PoseError(f"centre_mm must have the shape (3,), not {centre.shape}")
            self._set("centre_mm", centre)
        if self.radius_mm is not None:
            self._set("radius_mm", positive(self.radius_mm, "radius_mm", PoseError))
        self._set("spacing_mm", within(self.spacing_mm, "spacing_mm", PoseError, *_SPACING_MM))
        self._set("angle_step_deg", within(self.angle_step_deg, "angle_step_deg", PoseError, 0.1, 60.0))
        self._set("distance_mm", given_distance(self.distance_mm))
        self._set("smooth_mm", given_smoothing(self.smooth_mm))
        self._set("tilts_deg", _pairs(self.tilts_deg))
        if self.clear_mm is not None:
            self._set("clear_mm", within(self.clear_mm, "clear_mm", PoseError, 0.0, _MOST_CLEAR_MM))
        if self.handle_deg is not None:
            self._set("handle_deg", _sector(self.handle_deg))
        if not isinstance(self.avoid, Sequence) or isinstance(self.avoid, str):
            raise PoseError(f"avoid must be a list of pairs of a point and a radius, mm, not {self.avoid!r}")
        self._set("avoid", tuple(_ball(one, i) for i, one in enumerate(self.avoid)))
        self._set("tol", within(self.tol, "tol", ArgumentError, 1e-13, 0.1))
        if self.jitter is not None:
            self._set("jitter", self._wider(*_jitter(self.jitter)))
        for name in ("handle_over_face", "refine"):
            if not isinstance(getattr(self, name), bool):
                raise ArgumentError(f"{name} must be True or False, not {getattr(self, name)!r}")
        if self.zoom_error is not None:
            self._set("zoom_error", within(self.zoom_error, "zoom_error", ArgumentError, 0.003, 0.5))
        self._set("rivals", whole(self.rivals, "rivals", ArgumentError, _MOST_RIVALS, 0))

    @property
    def angles_deg(self) -> Floats:
        """The angles of the map (a,): a whole turn from 0, in even steps no larger than was asked for."""
        n = int(np.ceil(360.0 / self.angle_step_deg - 1e-9))
        return 360.0 * np.arange(n) / n

    def _wider(self, shift: float, turn: float) -> tuple[float, float]:
        """Return a jitter that reaches other poses of the map; raise ArgumentError for one that does not."""
        if shift < self.spacing_mm or turn < 360.0 / len(self.angles_deg) - 1e-9:
            raise ArgumentError(
                f"jitter = ({shift:g} mm, {turn:g}°) is less than a step of the map: give a smaller "
                f"spacing_mm (now {self.spacing_mm:g}) and angle_step_deg (now {self.angle_step_deg:g})"
            )
        return shift, turn

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def _pairs(tilts_deg: ArrayLike) -> Floats:
    tilts = finite_array(tilts_deg, "tilts_deg", PoseError)
    tilts = tilts[None] if tilts.shape == (2,) else tilts
    if tilts.ndim != 2 or tilts.shape[1] != 2 or not len(tilts) or np.abs(tilts).max() > _MOST_TILT_DEG:
        raise PoseError(
            f"tilts_deg must be pairs of angles about x and y, up to {_MOST_TILT_DEG:g}, not {tilts.tolist()}"
        )
    return tilts


def _sector(handle_deg: ArrayLike) -> tuple[float, float]:
    sector = finite_array(handle_deg, "handle_deg", PoseError)
    if sector.shape != (2,) or not sector[0] < sector[1] or sector[1] - sector[0] > 360.0:
        raise PoseError(
            f"handle_deg must be two ascending angles, at most a turn apart, not {sector.tolist()}"
        )
    return float(sector[0]), float(sector[1])


def _ball(one: Any, number: int) -> tuple[Floats, float]:
    try:
        centre, radius = one
    except (TypeError, ValueError):
        raise PoseError(f"avoid[{number}] must be a pair of a point and a radius, mm, not {one!r}") from None
    point = finite_array(centre, f"avoid[{number}]", PoseError)
    if point.shape != (3,):
        raise PoseError(f"avoid[{number}]: the point must have the shape (3,), not {point.shape}")
    return point, positive(radius, f"the radius of avoid[{number}]", PoseError)


def _jitter(jitter: Any) -> tuple[float, float]:
    try:
        shift, turn = jitter
    except (TypeError, ValueError):
        raise PoseError(f"jitter must be a pair, mm and degrees, not {jitter!r}") from None
    return (
        not_negative(finite_number(shift, "jitter", PoseError), "jitter", PoseError),
        not_negative(finite_number(turn, "jitter", PoseError), "jitter", PoseError),
    )
