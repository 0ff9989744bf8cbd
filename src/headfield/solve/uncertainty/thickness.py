# SPDX-License-Identifier: BSD-3-Clause
"""What another thickness of scalp, skull or CSF does to a value: the head's nodes move, the coil rides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import positive
from ...core.device import cpu
from ...errors import ArgumentError
from ...heads.mesh import TetMesh
from ...heads.thickness import LAYERS, Thickening
from ...statistics.distributions import Distribution, Normal, check_inputs
from ...statistics.sobol import samples
from .looking import Moments, Question
from .spread import Spread

__all__ = ["as_thickness", "ridden", "thickness_spread"]

Floats = NDArray[np.float64]

_MUCH = 0.95  # of a change of thickness: less is said


def as_thickness(thickness: Any) -> dict[str, Distribution]:
    """Return the distribution of how much thicker each layer is, mm, of what a caller gives.

    Raises
    ------
    ArgumentError
        No layers by name, an unknown one, or a standard deviation that is not above 0.

    Examples
    --------
    >>> as_thickness({"scalp": 1.5})
    {'scalp': Normal(mean=0.0, std=1.5)}
    """
    if not isinstance(thickness, Mapping) or not thickness:
        raise ArgumentError(f"thickness must be mm by layer ({', '.join(LAYERS)}), not {thickness!r}")
    result: dict[str, Distribution] = {}
    for layer, given in thickness.items():
        if layer not in LAYERS:
            raise ArgumentError(f"thickness: layers are {', '.join(LAYERS)}, not {layer!r}")
        if hasattr(given, "quantile"):
            result[layer] = check_inputs([given])[0]
        else:
            result[layer] = Normal(0.0, positive(given, f"thickness of the {layer}, mm,", ArgumentError))
    return result


def thickness_spread(
    question: Question,
    layer: str,
    change: Distribution,
    build: Callable[[TetMesh], Any],
    counts: tuple[int, int],
    seed: int,
) -> Spread:
    """Return the spread that the thickness of a layer makes.

    Two heads, thinner and thicker than the mean by a standard deviation, give slope and curvature, and
    samples follow from the parabola; or heads are sampled.

    Parameters
    ----------
    question : Question
    layer : str
    change : Distribution
        mm that the layer is thicker.
    build : callable
        Makes the model of a head with moved nodes.
    counts : tuple of two int
        Samples of the parabola, and sampled heads, each solved in full; without any the parabola it is.
    seed : int
    """
    way = Thickening.of(question.model.mesh, layer)
    value, magnitude = question.nominal
    reached: list[float] = []

    def solved(delta: float) -> tuple[float, Floats]:
        moved = way.moved(delta, hold_back=True)
        reached.append(way.reached(moved, delta))
        return question.one(ridden(way.mesh, moved, question.pose), build(moved))

    step, middle = change.std, change.mean
    (thin, thin_map), (thick, thick_map) = solved(middle - step), solved(middle + step)
    between = solved(middle)[0] if middle else value
    # By how much nodes did move: a layer that is thin in places follows less than it is told to.
    low, high = (delta * share for delta, share in zip((middle - step, middle + step), reached, strict=False))
    at = middle * reached[2] if middle else 0.0
    slope, curvature = _parabola((low, at, high), (thin, between, thick))
    facts: dict[str, Any] = {"step_mm": step, "per_mm": slope, "per_mm2": curvature, "reached": reached[:2]}
    notes = tuple(
        f"{layer}: by {delta:+g} mm nodes moved {100 * share:.0f} % as far on average: it is thin in places"
        for delta, share in zip((middle - step, middle + step), reached[:2], strict=True)
        if share < _MUCH
    )
    by_gradient = abs(slope) * change.std
    draws, heads = counts
    if not heads:
        t = samples([change], draws, seed)[:, 0] - at
        variance = ((thick_map - thin_map) / (high - low) * change.std) ** 2
        deviations = between - value + slope * t + 0.5 * curvature * t * t
        return Spread(
            layer, "a parabola through 3 heads", deviations, by_gradient, variance, facts, notes=notes
        )
    moments, values = Moments(len(magnitude)), []
    for delta in samples([change], heads, seed)[:, 0].tolist():
        found, on_map = solved(delta)
        moments.add((on_map - magnitude)[None])
        values.append(found - value)
    how = f"{heads} heads"
    return Spread(layer, how, np.array(values), by_gradient, moments.variance, facts, notes=notes)


def _parabola(x: tuple[float, float, float], f: tuple[float, float, float]) -> tuple[float, float]:
    """Return slope and curvature at the middle of three places of the parabola through them.

    Examples
    --------
    >>> _parabola((-1.0, 1.0, 2.0), (1.0, 1.0, 4.0))
    (2.0, 2.0)
    """
    before, after = x[1] - x[0], x[2] - x[1]
    left, right = (f[1] - f[0]) / before, (f[2] - f[1]) / after
    whole = before + after
    return (left * after + right * before) / whole, 2.0 * (right - left) / whole


def ridden(mesh: TetMesh, moved: TetMesh, pose: Floats) -> Floats:
    """Return the pose (4, 4) of a coil that rides on the scalp of a head whose nodes moved.

    It goes along its own axis, outward, by as much as the scalp nearest to its centre moved along that.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh([80, 86, 92], [2, 4, 5], edge_mm=14)
    >>> over = np.diag([1.0, -1, -1, 1])
    >>> over[2, 3] = 96.0
    >>> ridden(head, hf.thickened(head, "scalp", 2.0), over)[:3, 3].round(2).tolist()
    [0.0, 0.0, 98.0]
    """
    skin = mesh.skin()
    triangle, weights, _ = cpu.Triangles(mesh.nodes_mm[skin]).closest(pose[None, :3, 3].copy())
    corners = skin[triangle[0]]
    way = weights[0] @ (moved.nodes_mm[corners] - mesh.nodes_mm[corners])
    outward = -pose[:3, 2]
    result = pose.copy()
    result[:3, 3] += (way @ outward) * outward
    return result
