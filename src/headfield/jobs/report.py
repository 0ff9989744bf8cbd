# SPDX-License-Identifier: BSD-3-Clause
"""How a job went, or how far it is."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from ..core.messages import first_of, plural

__all__ = ["JobReport"]

_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """How a job went.

    Attributes
    ----------
    folder : str
    poses : int
        Of the job, or of the slice that was asked for.
    done : int
        Poses that are in the folder now, with those that did not converge.
    already : int
        Poses that were there before.
    not_converged : list of (str, str, int)
        Head, coil and number of each pose without a field: its numbers are nan.
    refused : dict of (str, str, int) to str
        Why some of these could not be solved at all.
    failed : list of (str, str)
        Chunks that are not there, and why.
    damaged : list of str
        Files that were torn or changed, and have been computed again.
    devices : dict of str to int
        How many poses were solved on what. Where other processes have all GPUs, that is said of "cpu".
    seconds : float
    how : str
        Options of the command, each after a space, that go on with the same share of the job.

    Examples
    --------
    >>> report = JobReport(folder="night", poses=64, done=32, not_converged=[("anna", "fig8", 7)])
    >>> report.code, print(report)
    32 of 64 poses are done
    did not converge, numbers are nan: anna/fig8 pose 7
    go on with: headfield jobs run JOB -o night --resume
    (1, None)
    """

    folder: str
    poses: int
    done: int
    already: int = 0
    not_converged: list[tuple[str, str, int]] = field(default_factory=list)
    refused: dict[tuple[str, str, int], str] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    devices: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    how: str = ""

    @property
    def complete(self) -> bool:
        """Whether all poses are there."""
        return self.done == self.poses

    @property
    def code(self) -> int:
        """The exit code of the command: 0 done, 3 done but for poses without a field, 1 not done."""
        return 1 if not self.complete else 3 if self.not_converged else 0

    def __str__(self) -> str:
        """Say it in lines, and how to go on."""
        if not self.poses:
            return "this slice has no poses: there are fewer chunks than slices"
        are = "is" if self.done == 1 else "are"
        lines = [f"{self.done:,} of {plural(self.poses, 'pose', 'poses')} {are} done"]
        if self.already:
            lines[0] += f", {self.already:,} of them before"
        if len(self.devices) > 1 or any("(" in on for on in self.devices):
            lines.append("solved on " + ", ".join(f"{on}: {n:,}" for on, n in self.devices.items()))
        if self.not_converged:
            named = [f"{head}/{coil} pose {pose}" for head, coil, pose in self.not_converged]
            lines.append(f"did not converge, numbers are nan: {first_of(named, _LISTED)}")
        for (head, coil, pose), why in list(self.refused.items())[:_LISTED]:
            lines.append(f"could not be solved: {head}/{coil} pose {pose}: {why}")
        lines += [f"damaged, computed again: {path}" for path in self.damaged[:_LISTED]]
        lines += [f"failed: {chunk}: {why}" for chunk, why in self.failed[:_LISTED]]
        if not self.complete:
            lines.append(
                f"go on with: headfield jobs run JOB -o {shlex.quote(self.folder)} --resume{self.how}"
            )
        return "\n".join(lines)
