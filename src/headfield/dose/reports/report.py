# SPDX-License-Identifier: BSD-3-Clause
"""All that is to be known of one session in one file: head, coil, pose, intensity, protocol, limits."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...core.version import VERSION
from ...errors import FileFormatError
from ...io.atomic import check_folder, replacing
from ...io.json_text import finite_or_none
from ...io.regular import ending_of
from ...pictures.report_page import write_report_page
from ..plasticity.words import NO_MODEL_OVER_WEEKS
from .chapters import RESEARCH_USE, Chapters

__all__ = ["SessionReport"]

_ENDINGS = (".html", ".htm", ".json")


@dataclass(frozen=True, eq=False, kw_only=True)
class SessionReport(Chapters):
    """One session as it is planned; `headfield.dose.session_report` makes it.

    Attributes
    ----------
    title : str
    made : str
        The day, as 2026-11-30.
    intensity : Intensity
    field : Field
        In the brain, at that intensity.
    protocol : Protocol or None
    limits : LimitsReport or None
        What published tables say of the protocol.
    dose : DoseMap or None
    heat : Heating or None
    conductivity : dict of str to float
        S/m by tissue, as far as each is one number.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, with None for what is not finite, as JSON has it."""
        protocol = None
        if self.protocol is not None:
            derived = {"n_pulses": self.protocol.n_pulses, "duration_s": self.protocol.duration_s}
            protocol = self.protocol.to_dict() | derived
        facts = {
            "title": self.title,
            "statement": RESEARCH_USE,
            "made": self.made,
            "notes": list(self.notes),
            "head": {
                "nodes": self.field.mesh.n_nodes,
                "tetrahedra": self.field.mesh.n_tets,
                "conductivity_S_per_m": self.conductivity,
            },
            "intensity": self.intensity.to_dict(),
            "percentile_99_9_in_brain_V_per_m": self.strongest,
            "protocol": protocol,
            "limits": None if self.limits is None else self.limits.to_dict(),
            "over_weeks": NO_MODEL_OVER_WEEKS,
            "dose": None if self.dose is None else self.dose.to_dict(),
            "heating": None if self.heat is None else asdict(self.heat),
            "provenance": self.provenance(),
        }
        return dict(finite_or_none(facts))

    def provenance(self) -> dict[str, Any]:
        """Return what it was computed with: version, device, residual, hashes of what was given."""
        run, names = self.field.provenance, ("head", "conductivity", "coil", "poses")
        return {
            "headfield": VERSION,
            "device": self.field.report.device,
            "residual": float(self.field.report.residual[0]),
            "hashes": None if run is None else {name: getattr(run, name) for name in names},
        }

    def write(self, path: str | os.PathLike[str]) -> str:
        """Write the report: .html to read and print, with pictures where matplotlib is there, or .json.

        Returns
        -------
        str
            Why pictures are missing in a page; empty where none is.

        Raises
        ------
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        if ending_of(path) not in _ENDINGS:
            raise FileFormatError(f"{os.fspath(path)}: reports are written as {' or '.join(_ENDINGS)}")
        check_folder(path)
        if ending_of(path) == ".json":
            text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
            with replacing(path) as new:
                Path(new).write_text(text + "\n", encoding="utf-8")
            return ""
        problems: list[str] = []
        write_report_page(path, self.title, self.chapters(problems))
        return "; ".join(dict.fromkeys(problems))
