# SPDX-License-Identifier: BSD-3-Clause
"""Protocols by name: those of the published tables, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.messages import in_one_line, nearest_name, quoted
from ...errors import DoseError
from ...io.published import PublishedTables, section_of
from .bids import protocol_of
from .protocol import Protocol

__all__ = ["NamedProtocols", "named_protocols", "protocols"]


class NamedProtocols(Mapping[str, Protocol]):
    """Protocols by their names; it can't be changed, but `named_protocols` makes one with more.

    A name that there is not is a DoseError.

    Examples
    --------
    >>> import headfield as hf
    >>> hf.dose.protocols["ctbs"].n_pulses, "ctbs900" in hf.dose.protocols
    (600, False)
    >>> hf.dose.protocols["itsb"]
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: there is no protocol 'itsb', did you mean 'itbs'?
    """

    def __init__(self, tables: PublishedTables | None = None) -> None:
        self._tables = tables

    @property
    def _entries(self) -> Mapping[str, Mapping[str, Any]]:
        return section_of(self._tables, "protocols")

    def __getitem__(self, name: str) -> Protocol:
        entry = self._entries.get(name)
        if entry is None:
            near = nearest_name(name, self._entries) or f"; there are {', '.join(self._entries)}"
            raise DoseError(f"there is no protocol {quoted(str(name))}{near}")
        try:
            return protocol_of(entry, name)
        except DoseError as problem:
            raise DoseError(f"{entry.get('file', 'protocols')}: {name}: {in_one_line(problem)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if self._entries.get(name) else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<{len(self)} protocols: {', '.join(self)}>"


def named_protocols(tables: PublishedTables | None = None) -> NamedProtocols:
    """Return protocols by name: of these tables, such as `hf.read_tables` returns with a user's own.

    Examples
    --------
    >>> import headfield as hf
    >>> sorted(hf.dose.named_protocols()) == sorted(hf.dose.protocols)
    True
    """
    return NamedProtocols(tables)


#: The protocols that come with headfield.
protocols = NamedProtocols()
