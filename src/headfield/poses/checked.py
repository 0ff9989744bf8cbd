# SPDX-License-Identifier: BSD-3-Clause
"""Make a PoseList of what a reader found: bad poses are refused by name, or left out and said."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import PoseError
from .formats.markers import said_of
from .formats.raw import NoPoses, RawPoses
from .pose import faults, nearest_where_possible
from .pose_list import LeftOut, PoseList

__all__ = ["checked"]

_MOST_NAMES = 8  # of markers that are left out, in one message


def checked(raw: RawPoses, *, nearest_rotation: bool, skip_bad: bool) -> tuple[PoseList, list[str]]:
    """Return the poses of a file, and what to warn of.

    Parameters
    ----------
    raw : RawPoses
    nearest_rotation : bool
        Replace axes by the nearest rotation where there is one.
    skip_bad : bool
        Leave out what `check_poses` refuses.

    Raises
    ------
    PoseError
        A bad pose without `skip_bad`, or none that is good.

    Examples
    --------
    >>> import numpy as np
    >>> raw = RawPoses(np.stack([np.eye(4), 0 * np.eye(4)]), ["M1", "M2"], None, "")
    >>> poses, notes = checked(raw, nearest_rotation=False, skip_bad=True)
    >>> poses.names, poses.left_out[0].index, notes
    (('M1',), 1, ['1 of 2 poses are refused and left out: M2 (all entries are zero)'])
    """
    count = len(raw.poses)
    names = list(raw.names) or [""] * count
    indices = list(raw.indices) if raw.indices is not None else list(range(count))
    total = count + len(raw.left_out)
    poses, wrong = nearest_where_possible(raw.poses) if nearest_rotation else (raw.poses, faults(raw.poses))
    bad = [LeftOut(indices[i], names[i], fault) for i, fault in wrong.items()]
    if bad and not skip_bad:
        raise PoseError(_refused(bad, total))
    if len(bad) == count:
        raise NoPoses(f"no poses in this file: {total} {raw.what} are left out: {_listed(bad)}")
    left_out = sorted([*raw.left_out, *bad], key=lambda one: one.index)
    didt, coils, seconds = raw.didt, list(raw.coils), raw.seconds
    if bad:
        keep = [i for i in range(count) if i not in wrong]
        poses, didt = poses[keep], None if didt is None else didt[keep]
        names, indices = [names[i] for i in keep], [indices[i] for i in keep]
        coils = [coils[i] for i in keep] if coils else []
        seconds = None if seconds is None else seconds[keep]
    found = PoseList(poses, names, didt, raw.kind, left_out, indices, coils, seconds)
    notes = list(raw.notes)
    if bad:
        notes.insert(0, f"{len(bad)} of {total} {raw.what} are refused and left out: {_listed(bad)}")
    if raw.left_out:
        why = said_of(raw.left_out)
        left = ", ".join(map(str, raw.left_out[:_MOST_NAMES])) + _more(raw.left_out)
        notes.insert(0, f"{len(raw.left_out)} of {total} {raw.what} {why}: left out: {left}")
    return found, notes


def _refused(bad: Sequence[LeftOut], total: int) -> str:
    first = bad[0]
    named = f" ({first.name[:40]})" if first.name else ""
    others = f" ({len(bad)} poses are bad)" if len(bad) > 1 else ""
    return (
        f"pose {first.index}{named} of {total}: {first.reason}{others}; skip_bad=True (--skip-bad) leaves "
        f"{'them' if len(bad) > 1 else 'it'} out"
    )


def _listed(bad: Sequence[LeftOut]) -> str:
    return ", ".join(f"{one} ({one.reason})" for one in bad[:_MOST_NAMES]) + _more(bad)


def _more(markers: Sequence[LeftOut]) -> str:
    return f" and {len(markers) - _MOST_NAMES} more" if len(markers) > _MOST_NAMES else ""
