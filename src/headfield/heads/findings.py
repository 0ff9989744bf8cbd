# SPDX-License-Identifier: BSD-3-Clause
"""What a check of a head finds, by name and severity, and the report of all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Finding", "HeadReport", "Severity"]

Severity = Literal["error", "warning", "doubt"]


@dataclass(frozen=True)
class Finding:
    """Something in a head that makes no sense, or may not be meant.

    Attributes
    ----------
    name : str
        Which check found it, as in `docs/checks.md`, such as "outermost_tissue".
    severity : {"error", "warning", "doubt"}
        error: the field would be wrong, and `read_mesh` raises. warning: it says so and goes on. doubt: a
        warning (`PlausibilityWarning`) of what is possible but hardly meant.
    message : str
        What it is, and what can be done, in one line.
    count : int
        How many nodes, tetrahedra or tissues it is about.
    where_mm : tuple of three floats, or None
        The place of the first of them, mm, if it has one.

    Examples
    --------
    >>> print(Finding("no_tissues", "warning", "no tissue tags found"))
    warning: no tissue tags found (no_tissues)
    """

    name: str
    severity: Severity
    message: str
    count: int = 1
    where_mm: tuple[float, float, float] | None = None

    def __str__(self) -> str:
        return f"{self.severity}: {self.message} ({self.name})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        where = None if self.where_mm is None else list(self.where_mm)
        plain = {"name": self.name, "severity": self.severity, "message": self.message, "count": self.count}
        return {**plain, "where_mm": where}


@dataclass(frozen=True)
class HeadReport(Sequence[Finding]):
    """The findings of `TetMesh.check`, a sequence; `str` gives a line for each.

    Attributes
    ----------
    findings : tuple of Finding

    Examples
    --------
    >>> report = HeadReport((Finding("no_tissues", "warning", "no tissue tags found"),))
    >>> len(report), report.errors, report.warnings[0].name, "no_tissues" in report.names
    (1, (), 'no_tissues', True)
    >>> print(HeadReport(()))
    nothing found
    """

    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, index: Any) -> Any:
        return self.findings[index]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "nothing found"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the findings."""
        return tuple(one.name for one in self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which `read_mesh` raises."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are certain, but don't stop anything."""
        return self._of("warning")

    @property
    def doubts(self) -> tuple[Finding, ...]:
        """The findings that are possible but hardly meant."""
        return self._of("doubt")

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity == severity)
