# SPDX-License-Identifier: BSD-3-Clause
"""Protocols by name: those of the published tables, and a user's own."""

from __future__ import annotations

from ...core.messages import in_one_line
from ...errors import DoseError
from ...io.published import Entry, NamedEntries, PublishedTables
from .bids import protocol_of
from .protocol import Protocol

__all__ = ["named_protocols", "protocols"]


def named_protocols(tables: PublishedTables | None = None) -> NamedEntries[Protocol]:
    """Return protocols by name: of these tables, such as `hf.read_tables` returns with a user's own.

    Parameters
    ----------
    tables : PublishedTables, optional
        By default those that come with headfield.

    Raises
    ------
    DoseError
        By name, of a protocol that there is not or that is damaged.

    Examples
    --------
    >>> import headfield as hf
    >>> hf.dose.protocols["ctbs"].n_pulses, "ctbs900" in hf.dose.named_protocols()
    (600, False)
    """
    return NamedEntries("protocols", _protocol, DoseError, tables)


def _protocol(name: str, entry: Entry) -> Protocol:
    try:
        return protocol_of(entry, name)
    except DoseError as problem:
        raise DoseError(f"{entry.get('file', 'protocols')}: {name}: {in_one_line(problem)}") from None


#: The protocols that come with headfield.
protocols = named_protocols()
