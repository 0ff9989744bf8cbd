# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield solve` keeps of each pose: a file of fields, or a table of numbers; which pose is best."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import first_of, nearest_name
from ..errors import ArgumentError
from ..fields.h5.storage import Storage
from ..fields.stream import result_files
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..jobs.outputs import Kept
from ..jobs.outputs.columns import is_ranked, smallest_is_best
from .given_head import GivenHead

__all__ = ["Best", "kept_of", "output_files", "settings_of", "storage_of", "text_of_best", "where_of"]

_LISTED = 12  # poses that are as good as the best, by number
_DEFAULT = ("target_mean_magnE_V_per_m", "peak_magnE_V_per_m")


def kept_of(args: argparse.Namespace, mesh: TetMesh) -> Kept | None:
    """Find in a head what numbers are asked for; None if none are."""
    if args.outputs is None:
        return None
    kept: Kept = args.outputs.bind(mesh, GivenHead(args).find)
    if args.zoom is not None and kept.target is not None:
        _check_in_zoom(kept)
    return kept


def _check_in_zoom(kept: Kept) -> None:
    """Raise ArgumentError for a target that is not in the region, which alone a zoom has E in."""
    assert kept.target is not None
    outside = int((~np.isin(kept.target.elements, kept.region.elements)).sum())
    if outside:
        raise ArgumentError(
            f"--target: {outside:,} of its {len(kept.target):,} places are not in --roi, where "
            "alone E is with --error"
        )


def storage_of(args: argparse.Namespace) -> Storage:
    """Return how an .h5 is to store E."""
    return Storage(None if args.keep == "metrics" else args.keep, args.compress)


def settings_of(args: argparse.Namespace, kept: Kept | None) -> dict[str, Any]:
    """Return what the record of a run says of what is kept, so that it is not joined to something else."""
    if args.keep != "metrics" or kept is None:
        return storage_of(args).settings
    return {"keep": "metrics", "outputs": args.outputs.to_dict(), "places": kept.content}


def output_files(args: argparse.Namespace, chosen: range, total: int) -> list[Path]:
    """List every file that is written."""
    if args.keep != "metrics":
        return result_files(args.output, chosen, total)
    return [Path(args.output), Path(f"{args.output}.run")]


def where_of(kept: Kept, mesh: TetMesh) -> str:
    """Say where the numbers of a table are from."""
    tags = np.unique(mesh.tags[kept.region.elements])
    return called(int(tags[0]), mesh.tag_names) if len(tags) == 1 and kept.region.is_volume else "the region"


class Best:
    """Which pose is best by one number: the largest, or the smallest of volumes, errors and iterations.

    Poses without that number, as they did not converge, are passed over. Of several that are the same, the
    first is named, and the others beside it.

    Parameters
    ----------
    asked : str
        The name of a column, or how one begins; "" for the mean in the target, or else in the region, or else
        the peak.
    kept : Kept
    is_region : bool
        Whether a region was asked for.

    Raises
    ------
    ArgumentError
        There is no such column, or several begin so.
    """

    def __init__(self, asked: str, kept: Kept, *, is_region: bool) -> None:
        default = ("mean_magnE_V_per_m",) if is_region else ()
        order = (_DEFAULT[0], *default, _DEFAULT[1])
        self.column = (
            _column(asked, kept.columns) if asked else next(one for one in order if one in kept.columns)
        )
        self._poses: list[int] = []
        self._values: list[float] = []

    def add(self, first: int, numbers: dict[str, NDArray[Any]]) -> None:
        """Add poses, the first of which has this number."""
        values = numbers[self.column].tolist()
        self._poses += range(first, first + len(values))
        self._values += values

    def facts(self, names: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return what there is to say, ready for JSON; the pose is None if none has the number."""
        values = np.array(self._values, np.float64)
        made: dict[str, Any] = {"column": self.column, "compared": len(values)}
        if not np.isfinite(values).any():
            return made | {"pose": None, "value": None, "as_good": []}
        value = float((np.nanmin if smallest_is_best(self.column) else np.nanmax)(values))
        pose, *others = (self._poses[i] for i in np.flatnonzero(values == value))
        named = {"name": names[pose]} if names else {}
        return made | {"pose": pose, **named, "value": value, "as_good": others}


def text_of_best(best: dict[str, Any], already_there: int = 0) -> str:
    """Say which pose is best; `already_there` are poses that were solved before, and not compared."""
    if already_there and not best["compared"]:
        return f"best pose: the {already_there} that were there already are not compared"
    if best["pose"] is None:
        return f"best pose: none has {best['column']}"
    name = f" ({best['name']})" if best.get("name") else ""
    text = f"best pose by {best['column']}: {best['pose']}{name}, {best['value']:.4g}"
    if best["as_good"]:
        text += f"; as good: {first_of(best['as_good'], _LISTED)}"
    return text + (f"; the {already_there} that were there already are not compared" if already_there else "")


def _column(asked: str, columns: tuple[str, ...]) -> str:
    ranked = [name for name in columns if is_ranked(name)]
    if asked in ranked:
        return asked
    found = [name for name in ranked if name.startswith(asked)]
    if len(found) == 1:
        return found[0]
    what = f"several numbers begin so, {', '.join(found)}" if found else "there is no such number"
    near = "" if found else nearest_name(asked, ranked) or f"; there are {', '.join(ranked)}"
    raise ArgumentError(f"--best {asked}: {what}{near}")
