# SPDX-License-Identifier: BSD-3-Clause
"""What is known, and not known, of after-effects beyond the models."""

from __future__ import annotations

from ...io.published import FROM_MEMORY, PublishedTables, section_of

__all__ = ["NO_MODEL_OVER_WEEKS", "RESEARCH", "session_statements"]

#: Every answer of a model of plasticity carries this.
NO_MODEL_OVER_WEEKS = (
    "No validated model of dose over weeks exists: nothing here predicts what a course of sessions does."
)

#: And this.
RESEARCH = "Research use: averages of groups, around which people differ very much; no medical advice."


def session_statements(tables: PublishedTables | None = None) -> tuple[str, ...]:
    """Return what papers found of several blocks in a session, as text: no model here has it in it.

    Parameters
    ----------
    tables : PublishedTables, optional
        With entries of one's own in the section `plasticity`, from `hf.read_tables`.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> print(session_statements()[0])
    Three blocks of iTBS600 with pauses of 10 or 30 min raised excitability; 1800 pulses without a pause \
lowered it (Yu 2020, doi 10.3389/fnins.2020.00576).
    """
    said = []
    for entry in section_of(tables, "plasticity").values():
        if isinstance(entry.get("says"), str) and entry["says"]:
            mark = f"; {FROM_MEMORY}" if entry["from_memory"] else ""
            said.append(f"{entry['says'][0].upper()}{entry['says'][1:]} ({entry['source']}{mark}).")
    return tuple(said)
