# SPDX-License-Identifier: BSD-3-Clause
"""What a refinement has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural

__all__ = ["Refinement"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Refinement:
    """The best poses that were found from some starts, and how.

    Attributes
    ----------
    values : ndarray (k,)
        Of the objective at the poses.
    poses : ndarray (k, 4, 4)
        The best of each start.
    gradients : ndarray (k, 6)
        There, per mm and rad along and about the coil's own axes. Where the casing touches, or a motion is
        not free, they are not 0 at the optimum.
    status : tuple of str
        Of each start: "converged"; "steps", the most batches were solved first; "stalled", no smaller step
        was better although the gradient says so; "failed", the objective gave no finite numbers at the start;
        "away", the casing is 100 mm off the scalp, where it started or where a value below 0 has grown to;
        "stopped", the objective raised an error, which is the `message`.
    history : ndarray (n, k)
        The best value of each start after each batch.
    poses_solved : int
        In all batches together.
    message : str
        Why it ended before its time: the error of the objective. Empty if it did not.
    """

    values: Floats
    poses: Floats
    gradients: Floats
    status: tuple[str, ...]
    history: Floats
    poses_solved: int
    message: str = ""

    @property
    def best(self) -> int:
        """The index of the start that led to the largest value."""
        return int(np.argmax(np.where(np.isfinite(self.values), self.values, -np.inf)))

    @property
    def value(self) -> float:
        """The largest value."""
        return float(self.values[self.best])

    @property
    def pose(self) -> Floats:
        """The pose (4, 4) with the largest value."""
        return np.asarray(self.poses[self.best])

    @property
    def batches(self) -> int:
        """How many batches were solved, the starts included."""
        return len(self.history)

    def to_dict(self) -> dict[str, Any]:
        """Return what `json.dump` takes: numbers, lists and text."""
        arrays = {name: getattr(self, name).tolist() for name in ("values", "poses", "gradients", "history")}
        facts = {"status": list(self.status), "poses_solved": self.poses_solved, "message": self.message}
        return {**arrays, **facts, "best": self.best}

    def __repr__(self) -> str:
        counts = {status: self.status.count(status) for status in dict.fromkeys(self.status)}
        ended = ", ".join(f"{count} {status}" for status, count in counts.items())
        return (
            f"<Refinement: {self.value:.5g} from start {self.best} of {len(self.values)}: {ended}; "
            f"{plural(self.batches, 'batch', 'batches')}, {plural(self.poses_solved, 'pose', 'poses')}>"
        )
