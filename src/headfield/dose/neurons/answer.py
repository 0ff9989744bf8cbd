# SPDX-License-Identifier: BSD-3-Clause
"""What comes of comparing E with thresholds: ratios, probabilities, and how much of a region is activated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import is_whole
from ...core.locks import cached_property
from ...core.messages import plural
from ...errors import ArgumentError, DoseError
from ...pictures.activation_figure import ActivationScene, draw_activation
from ...regions.region import Region
from .about import ThresholdModel

__all__ = ["Activation"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class Activation:
    """E against thresholds at P points in k poses; `activation` makes it. Research use.

    Attributes
    ----------
    ratio : ndarray (k, P) float32
        E/T, T being the threshold divided by `factor`; 1 or more is activated, NaN unknown.
    strength : ndarray (k, P) float32
        E, V/m: |E|, or |E·n| with the cosine rule.
    probability : ndarray (k, P) float32, or None
        S((E − T)/width): as good as the width, which is a guess.
    weights : ndarray (P,) float64
        What each point stands for, in `unit`.
    unit : str
        "mm²" on a surface, "mm³" in tetrahedra, else "points" or "given weights".
    region : Region or None
    factor : float
        What thresholds were divided by.
    width : float or None
        V/m.
    about : ThresholdModel
        The model by name, its paper, its unit, what it was validated on, what it does not say.

    Examples
    --------
    >>> from headfield import dose
    >>> E = np.array([[[0, 0, 250.0], [0, 0, 150.0]], [[0, 0, 100.0], [0, 0, 100.0]]])
    >>> found = dose.activation(E, dose.threshold_form("L5_PC"), normals=[0, 0, 1], width=10.0)
    >>> found.activated.tolist(), found.recruited.tolist(), found.expected.round(3).tolist()
    ([[True, False], [False, False]], [1.0, 0.0], [1.017, 0.0])
    """

    def __init__(
        self,
        ratio: Singles,
        strength: Singles,
        probability: Singles | None,
        *,
        weights: Floats,
        unit: str,
        region: Region | None,
        factor: float,
        width: float | None,
        about: ThresholdModel,
    ) -> None:
        self.ratio, self.strength, self.probability = ratio, strength, probability
        self.weights, self.unit, self.region = weights, unit, region
        self.factor, self.width, self.about = factor, width, about
        for array in (ratio, strength, probability):
            if array is not None:
                array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ratio)

    def __repr__(self) -> str:
        poses, low, high = plural(len(self), "pose", "poses"), 100 * self.share.min(), 100 * self.share.max()
        share = f"{low:.3g}" if len(self) == 1 else f"{low:.3g} to {high:.3g}"
        points = f"{plural(self.ratio.shape[1], 'point', 'points')} in {poses}"
        return f"<Activation of {points}: {share} % activated, by the {self.about.name}>"

    @cached_property
    def activated(self) -> NDArray[np.bool_]:
        """Where E is at the threshold or above it, (k, P)."""
        return np.asarray(self.ratio >= 1)

    @cached_property
    def recruited(self) -> Floats:
        """How much is activated in each pose, (k,), in `unit`."""
        return np.asarray([self.weights[row].sum() for row in self.activated])

    @property
    def share(self) -> Floats:
        """How much is activated in each pose, (k,), as a share of all weights, 0 to 1."""
        return np.asarray(self.recruited / self.weights.sum())

    @property
    def expected(self) -> Floats:
        """The sum of weights times probability in each pose, (k,), in `unit`; unknown points count as 0.

        Raises
        ------
        DoseError
            There are no probabilities: `width` was not told.
        """
        if self.probability is None:
            raise DoseError(
                "there is no probability without a width, which is a guess of yours: activation(…, width=)"
            )
        return np.asarray([np.nansum(self.weights * row) for row in self.probability])

    @cached_property
    def unknown(self) -> Floats:
        """How much has no threshold in each pose, (k,), in `unit`: outside of a table, or with no change."""
        return np.asarray([self.weights[np.isnan(row)].sum() for row in self.ratio])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of each pose and what the model is, for JSON."""
        return {
            "model": self.about._asdict(),
            "factor": self.factor,
            "width_v_per_m": self.width,
            "unit": self.unit,
            "total": float(self.weights.sum()),
            "recruited": self.recruited.tolist(),
            "share": self.share.tolist(),
            "expected": None if self.probability is None else self.expected.tolist(),
            "unknown": self.unknown.tolist(),
            "largest_ratio": [float(np.nanmax(row, initial=0.0)) for row in self.ratio],
        }

    def plot(self, pose: int = 0) -> Any:
        """Draw the ratio E/T on the surface of the region, and how much of it there is of each ratio.

        Parameters
        ----------
        pose : int
            Counted from 0.

        Returns
        -------
        matplotlib.figure.Figure
            Seen from where the ratio is largest. It is not registered with pyplot; a notebook shows it,
            `savefig` writes it.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        ArgumentError
            There is no such pose, or no surface: a layer of the cortex has one.

        Examples
        --------
        >>> import headfield as hf
        >>> head = hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=12)
        >>> layer = hf.regions.mid_layer(head)
        >>> E = np.maximum(layer.centres_mm[:, 2:], 0) * [1.0, 0, 0]
        >>> figure = hf.dose.activation(E, 60.0, rule="magnitude", region=layer).plot()
        >>> figure.axes[1].get_title()
        '6,544 mm² of 68,500 mm² at threshold or above'
        """
        if not is_whole(pose) or not 0 <= pose < len(self):
            raise ArgumentError(f"pose {pose!r}: there are the poses 0 to {len(self) - 1}")
        if self.region is None or self.region.faces is None or not len(self.region.faces):
            raise ArgumentError("a picture needs a region with a surface, such as a layer of the cortex")
        return draw_activation(
            ActivationScene(
                self.region.centres_mm,
                self.region.faces.astype(np.intp),
                self.ratio[pose].astype(np.float64),
                self.weights,
                self.unit,
                f"{self.about.name}\nthresholds divided by {self.factor:.3g}; pose {pose} of {len(self)}",
            )
        )
