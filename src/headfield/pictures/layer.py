# SPDX-License-Identifier: BSD-3-Clause
"""What a picture of E on a surface within the cortex shows, and that picture."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.locks import cached_property
from ..errors import ArgumentError
from . import figure as figures
from .distribution import Distribution
from .quantity import MAGNITUDE, Quantity, Scale, checked_vmax
from .scene import strength_of
from .setting import Setting
from .shells import Shell

__all__ = ["LayerScene", "draw_layer"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerScene:
    """Values at the nodes of a surface in a head.

    Parameters
    ----------
    surface : Shell
        nan where there is no value.
    areas_mm2 : ndarray (n,)
        What each node stands for.
    setting : Setting
    quantity : Quantity
    vmax : float, optional
        Where the colours end; if not given, at the 99.9th percentile of the size, by area.
    name : str
        For the title.
    what : str
        Name of the surface.

    Raises
    ------
    ArgumentError
        There is no value, or `vmax` is not above 0.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> setting = Setting(sphere_mesh([60], tags=[5], edge_mm=20))
    >>> scalp = setting.scalp._replace(values=setting.scalp.nodes_mm[:, 2])
    >>> shown = LayerScene(scalp, np.ones(len(scalp.values)), setting, quantity=Quantity("z", "mm", True))
    >>> shown.scale.limits, shown.distribution.measure
    ((-60.0, 60.0), 'area')
    """

    surface: Shell
    areas_mm2: Floats
    setting: Setting
    _: KW_ONLY
    quantity: Quantity = MAGNITUDE
    vmax: float | None = None
    name: str = ""
    what: str = "mid-layer of the cortex"

    def __post_init__(self) -> None:
        if not np.isfinite(self.surface.values).any():
            raise ArgumentError(f"the field has no value on the {self.what}")
        checked_vmax(self.vmax)

    @cached_property
    def distribution(self) -> Distribution:
        """How much area has which value."""
        known = np.isfinite(self.surface.values)
        areas = self.areas_mm2[known] * 1e-2
        return Distribution.of(self.surface.values[known], areas, (self.what, "cm²"), self.quantity.signed)

    @property
    def top(self) -> float:
        """The value at the end of the colours."""
        return float(self.vmax or self.distribution.percentiles[-1]) or 1.0

    @property
    def scale(self) -> Scale:
        """The colours."""
        return Scale(self.quantity, self.top)

    @cached_property
    def peak(self) -> tuple[float, Floats]:
        """The value that is farthest from 0, and its place (3,), mm."""
        node = int(np.nanargmax(np.abs(self.surface.values)))
        return float(self.surface.values[node]), self.surface.nodes_mm[node]

    @property
    def outward(self) -> Floats:
        """Unit vector (3,) from the head to the eye."""
        return self.setting.outward(self.peak[1])

    def title(self) -> tuple[str, str]:
        """Return two lines of text: what the picture shows, and how strong the field is."""
        return self.name or "Electric field", strength_of(self.distribution, self.quantity, self.peak)


def draw_layer(scene: LayerScene, dpi: float | None = None) -> Any:
    """Draw a surface in the cortex with the coil over it, and how much of its area has which value.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    ArgumentError
        `dpi` is not from 20 to 1200.
    """
    figure = figures.new_figure((11.0, 5.8), dpi)
    figures.draw_title(figure, scene.title())
    picture, bars = figure.subplots(1, 2, width_ratios=[1.6, 1.0])
    figures.draw_surface(picture, scene.surface, scene.setting, scene.outward, scene.scale)
    figures.draw_bar(figure, picture, scene.scale)
    figures.draw_histogram(bars, scene.distribution, scene.scale)
    return figures.for_notebooks(figure)
