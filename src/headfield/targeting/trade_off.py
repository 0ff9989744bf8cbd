# SPDX-License-Identifier: BSD-3-Clause
"""What a target gets against what the rest of the brain gets: focality and depth of many good poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import whole, within
from ..core.messages import plural
from ..errors import ArgumentError, RegionError
from ..geometry.surface import Surface
from ..heads.selection import tets_of
from ..heads.tissues import BRAIN, GRAY_MATTER
from ..measures.target import Target, Targets
from ..metrics.sums import above, total
from ..regions.region import Region, check_is_region
from ..solve.model import HeadModel
from ..solve.places import check_region
from .outputs import region_of
from .result import SearchResult
from .starts import turn_between

__all__ = ["TradeOff", "trade_off"]

Floats = NDArray[np.float64]

_PEAK_PERCENT = 99.9
_TURNED_MM_PER_DEG = 0.5  # how far apart two angles count


@dataclass(frozen=True, eq=False)
class TradeOff:
    """Strength in a target against focality and depth, for k poses; all by full solves.

    Attributes
    ----------
    poses : ndarray (k, 4, 4), mm
    value : ndarray (k,)
        Of the target, V/m.
    peak : ndarray (k,)
        99.9th percentile of |E| in the rest, V/m.
    target_to_peak : ndarray (k,)
        `value` over `peak`.
    overstimulated_mm3 : ndarray (k,)
        Volume of the rest with at least the target's value.
    half_volume_mm3 : ndarray (k,)
        V½: volume of gray matter with at least half of its peak.
    half_depth_mm : ndarray (k,)
        d½: the deepest of that below the surface of the brain.
    on_front : ndarray (k,) bool
        Whether no other pose has at least its value and less overstimulated volume, or more value and no more
        of that: the curve of focality against strength.
    """

    poses: Floats
    value: Floats
    peak: Floats
    target_to_peak: Floats
    overstimulated_mm3: Floats
    half_volume_mm3: Floats
    half_depth_mm: Floats
    on_front: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.poses)

    def __repr__(self) -> str:
        low, high = self.value.min(), self.value.max()
        front = self.on_front.sum()
        poses = plural(len(self), "pose", "poses")
        return f"<TradeOff of {poses}: {low:.3g} to {high:.3g} V/m, {front} on the front>"


def trade_off(
    model: HeadModel,
    found: SearchResult,
    target: Target | Targets,
    *,
    least: float = 0.8,
    n_poses: int = 64,
    rest: Region | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TradeOff:
    """Solve the better poses of a search in full, and weigh what the target gets against the rest.

    Which pose is best depends on what else is stimulated. Of the poses on the map that give the target at
    least a share of the best value, some that differ as much as they can are solved, and measured.

    Parameters
    ----------
    model : HeadModel
    found : SearchResult
        Of `search` for this model and target.
    target : Target, Targets or Region
    least : float
        Share of the best value that poses have to give, 0.05 to 1.
    n_poses : int
        At most, up to 2000.
    rest : Region, optional
        Tetrahedra that count as the rest; by default gray matter outside of the target.
    progress : callable, optional
        See `HeadModel.solve`.

    Returns
    -------
    TradeOff
        The best pose of the search first.

    Raises
    ------
    RegionError, ArgumentError, ConvergenceError, DeviceError

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> found = hf.search(model, coil, hf.Target(knob, [0, 1, 0]), radius_mm=15, spacing_mm=10, rivals=0)
    >>> weighed = hf.trade_off(model, found, knob, n_poses=8)
    >>> len(weighed), bool(weighed.on_front.any())
    (8, True)
    """
    if not isinstance(found, SearchResult):
        raise ArgumentError(f"found must be a SearchResult, not {type(found).__name__}")
    share = within(least, "least", ArgumentError, 0.05, 1.0)
    count = whole(n_poses, "n_poses", ArgumentError, 2000)
    targets = Targets.of(target)
    aimed, gray = region_of(model.mesh, targets), Region(model.mesh, tets_of(model.mesh, GRAY_MATTER))
    if rest is None:
        rest = gray - Region(model.mesh, np.unique(aimed.elements))
    check_is_region(rest)
    check_region(model.mesh, rest)
    if not rest.is_volume:
        raise RegionError(f"the rest has to be tetrahedra, not {rest!r}")
    poses = _spread(found, share, count)
    elements = np.unique(np.concatenate([aimed.elements, rest.elements, gray.elements]))
    rows = [np.searchsorted(elements, region.elements) for region in (aimed, rest, gray)]
    depth = _depth(model, gray)
    didt = found.didt if len(found.didt) == 1 else found.didt[None]
    measured: list[Floats] = []
    for field in model.iter_solve(found.coil, poses, didt, elements=elements):
        value = targets.values(field.E[:, rows[0]])
        magnitude = field.magnitude
        measured.append(
            _measured(value, magnitude[:, rows[1]], rest.weights, magnitude[:, rows[2]], gray, depth)
        )
        if progress is not None:
            progress(sum(map(len, measured)), len(poses))
    value, peak, over, volume, deepest = np.concatenate(measured).T
    ratio = np.divide(value, peak, out=np.zeros_like(value), where=peak > 0.0)
    return TradeOff(poses, value, peak, ratio, over, volume, deepest, _front(value, over))


def _measured(
    value: Floats, rest: Floats, rest_weights: Floats, brain: Floats, gray: Region, depth: Floats
) -> Floats:
    """Return the numbers (k, 5) of k fields."""
    _, peak = above(rest, rest_weights, 1.0, _PEAK_PERCENT)
    over = total((rest >= value[:, None]) * rest_weights)
    hot, _ = above(brain, gray.weights, 0.5, _PEAK_PERCENT)
    return np.stack([value, peak, over, total(hot * gray.weights), (hot * depth).max(axis=1)], axis=1)


def _depth(model: HeadModel, gray: Region) -> Floats:
    """Return how deep barycentres of gray matter lie below the surface of the brain, mm."""
    mesh = model.mesh
    surface = Surface(mesh.nodes_mm, mesh.surface([tag for tag in BRAIN if (mesh.tags == tag).any()]))
    return surface.closest(gray.centres_mm).distance_mm


def _spread(found: SearchResult, least: float, count: int) -> Floats:
    """Choose poses with at least a share of the best value: the best one, then those farthest apart."""
    values = np.where(np.isnan(found.map), -np.inf, found.map)
    if not values.max() > 0.0:
        raise ArgumentError("no pose of the search gives the target anything: there is nothing to trade off")
    row, column = np.nonzero(values >= least * values.max())
    places, angles = found.positions_mm[row], found.angles_deg[column]
    last = int(values[row, column].argmax())
    chosen: list[int] = []
    gap = np.full(len(row), np.inf)
    while len(chosen) < min(count, len(row)):
        chosen.append(last)
        turned = turn_between(angles, angles[last])
        away = np.hypot(np.linalg.norm(places - places[last], axis=1), _TURNED_MM_PER_DEG * turned)
        gap = np.minimum(gap, away)
        last = int(gap.argmax())
    poses = found.poses_on_map(row[chosen], column[chosen])
    poses[0] = found.pose
    return np.asarray(poses)


def _front(value: Floats, cost: Floats) -> NDArray[np.bool_]:
    """Say which points no other one beats in both value and cost."""
    order = np.lexsort((cost, -value))
    cheapest = np.minimum.accumulate(cost[order])
    result = np.zeros(len(value), bool)
    result[order] = cost[order] <= cheapest
    return result
