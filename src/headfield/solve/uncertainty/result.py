# SPDX-License-Identifier: BSD-3-Clause
"""The answer to how uncertain a value is: source by source, all together, and where in the brain."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coils.coil import Coil
from ...core.locks import cached_property
from ...errors import ArgumentError
from ...heads.names import called
from ...heads.tissues import brain_tags
from ...io.atomic import replacing
from ...pictures.scene import Scene
from ...pictures.spread_figure import SpreadScene, draw_spread, write_spread
from ...regions.region import Region
from .spread import PERCENTS, Spread

__all__ = ["Uncertainty"]

Floats = NDArray[np.float64]

_LEAST = 1e-3  # of the largest |E| of the map: a share of less means nothing
_WIDTH = 17


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """How uncertain a value of a field is, and by what; `HeadModel.uncertainty` makes it. It prints a table.

    Sources are taken for independent of each other: deviations of all together are sums of one of each, drawn
    apart.

    Attributes
    ----------
    value : float
        As everything is given.
    sources : tuple of Spread
        What each source does, in the order of their variance, the largest first.
    what : str
        The measure.
    where : Region
        Of the maps: whole tetrahedra.
    magnitude : ndarray (q,)
        |E| there as everything is given, V/m.
    coil : Coil
    pose : ndarray (4, 4)
    draws : int
        Samples of all together.
    seed : int
    """

    value: float
    sources: tuple[Spread, ...]
    what: str
    where: Region
    magnitude: Floats
    coil: Coil
    pose: Floats
    draws: int
    seed: int

    @cached_property
    def deviations(self) -> Floats:
        """Deviations (draws,) of the value from the nominal one, of all sources together."""
        rng = np.random.default_rng(self.seed)
        drawn = [one.deviations[rng.integers(len(one.deviations), size=self.draws)] for one in self.sources]
        return np.asarray(np.sum(drawn, axis=0))

    @property
    def std(self) -> float:
        """Standard deviation of all together, by sampling: the root of the sum of the sources' squares."""
        return float(np.sqrt(sum(one.std**2 for one in self.sources)))

    @property
    def std_by_gradient(self) -> float:
        """The same if the value were linear in everything."""
        return float(np.sqrt(sum(one.std_by_gradient**2 for one in self.sources)))

    @property
    def mean(self) -> float:
        """Mean of all together, which is off the nominal value where that is not linear."""
        return self.value + sum(one.shift for one in self.sources)

    @property
    def percentiles(self) -> dict[float, float]:
        """Percentiles 2.5, 50 and 97.5 of the value."""
        return self._percentiles(self.deviations)

    @property
    def shares(self) -> dict[str, float]:
        """Share of the variance that each source has, by its name; 0 where there is no variance."""
        total = self.std**2
        return {one.name: one.std**2 / total if total else 0.0 for one in self.sources}

    @cached_property
    def map(self) -> Floats:
        """Coefficient of variation of |E| in the tetrahedra of `where` (q,): its std over its nominal size.

        Not a number where |E| is less than a thousandth of the largest one.
        """
        std = np.sqrt(np.sum([one.variance for one in self.sources], axis=0))
        some = self.magnitude > _LEAST * self.magnitude.max(initial=0.0)
        return np.divide(std, self.magnitude, out=np.full_like(std, np.nan), where=some)

    def source(self, name: str) -> Spread:
        """Return a source by its name; ArgumentError if there is none."""
        for one in self.sources:
            if one.name == name:
                return one
        raise ArgumentError(f"sources are {', '.join(one.name for one in self.sources)}, not {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers but samples and maps, as plain values."""
        sources = {one.name: self._source(one) for one in self.sources}
        cv = self.map[np.isfinite(self.map)]
        return {
            "measure": self.what,
            "value": self.value,
            "mean": self.mean,
            "std": self.std,
            "std_by_gradient": self.std_by_gradient,
            "percentiles": {f"{q:g}": value for q, value in self.percentiles.items()},
            "sources": sources,
            "assumption": "sources are independent of each other",
            "map": {
                "tetrahedra": len(self.map),
                "median_coefficient_of_variation": float(np.median(cv)) if len(cv) else None,
            },
            "notes": [note for one in self.sources for note in one.notes],
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; it appears whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with replacing(path) as new:
            Path(new).write_text(text, encoding="utf-8")

    def plot(self) -> Any:
        """Draw the map on the cortex, the sources, and how the value is distributed.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        """
        return draw_spread(self._scene)

    def write_picture(self, path: str | os.PathLike[str]) -> None:
        """Write the figure of `plot`: .png, .pdf or .svg.

        Raises
        ------
        FileFormatError, MissingPackageError, OSError
        """
        write_spread(self._scene, path)

    def __str__(self) -> str:
        low, _, high = self.percentiles.values()
        mean = f"{self.mean:.4g} ± {self.std:.2g}"
        lines = [f"{self.what}: {self.value:.4g}; with all sources {mean}, 95 % from {low:.4g} to {high:.4g}"]
        heads = ("std", "by gradient", "share", "2.5 %", "97.5 %")
        lines.append("".join([f"{'source':<{_WIDTH}}", *(f"{head:>12}" for head in heads), "  sampled by"]))
        for one in self.sources:
            share = f"{100 * self.shares[one.name]:.0f} %"
            lines.append(self._row(one.label, one, self._percentiles(one.deviations), share) + f"  {one.how}")
        lines.append(self._row("all", self, self.percentiles, "100 %") + "  sums of independent ones")
        for one in self.sources:
            lines += self._indices(one)
        lines += [note for one in self.sources for note in one.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        names = ", ".join(one.label for one in self.sources)
        return f"<Uncertainty: {self.what} {self.value:.4g} ± {self.std:.2g} by {names}>"

    def _row(self, name: str, of: Spread | Uncertainty, percentiles: dict[float, float], share: str) -> str:
        low, _, high = percentiles.values()
        return (
            f"{name:<{_WIDTH}}{of.std:>12.3g}{of.std_by_gradient:>12.3g}{share:>12}{low:>12.4g}{high:>12.4g}"
        )

    def _indices(self, one: Spread) -> list[str]:
        """Return lines on whose share of the variance is whose, among conductivities."""
        if one.indices is None:
            return []
        lines = [f"{'conductivity of':<22}{'first':>8}{'total':>8}  shares of its variance"]
        for i in np.argsort(-one.indices.total).tolist():
            name = called(one.tags[i], self.where.mesh.tag_names)
            first, total = (round(float(of[i]), 3) + 0.0 for of in (one.indices.first, one.indices.total))
            lines.append(f"{name:<22}{first:>8.3f}{total:>8.3f}")
        return lines

    def _percentiles(self, deviations: Floats) -> dict[float, float]:
        values = np.percentile(self.value + deviations, PERCENTS)
        return dict(zip(PERCENTS, values.tolist(), strict=True))

    def _source(self, one: Spread) -> dict[str, Any]:
        found: dict[str, Any] = {
            "std": one.std,
            "std_by_gradient": one.std_by_gradient,
            "mean": self.value + one.shift,
            "share": self.shares[one.name],
            "percentiles": {f"{q:g}": value for q, value in self._percentiles(one.deviations).items()},
            "sampled_by": one.how,
            **one.facts,
        }
        if one.indices is not None:
            names = ("first", "total", "first_error", "total_error")
            found["sobol_indices"] = {name: getattr(one.indices, name).tolist() for name in names}
        return found

    @property
    def _scene(self) -> SpreadScene:
        mesh = self.where.mesh
        percent = np.full(mesh.n_tets, np.nan)
        percent[self.where.elements] = 100.0 * self.map
        tags = tuple(brain_tags(mesh.tags[self.where.elements]))
        scene = Scene(mesh, percent, tags, matrix=self.pose, coil=self.coil)
        rows = [(one.label, one.std, one.std_by_gradient) for one in self.sources]
        low, _, high = self.percentiles.values()
        return SpreadScene(
            scene,
            rows,
            self.value,
            self.value + self.deviations,
            (low, high),
            f"{self.what}, {self.value:.3g}",
        )
