# SPDX-License-Identifier: BSD-3-Clause
"""Files of protocols: JSON, and YAML where PyYAML is there."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.messages import in_one_line, quoted
from ...errors import ArgumentError, DoseError, FileFormatError, MissingPackageError
from ...io.atomic import replacing
from ...io.json_text import json_of
from ...io.regular import check_regular, ending_of
from ...io.text import read_text
from .bids import protocol_of
from .protocol import Protocol

__all__ = ["PROTOCOL_ENDINGS", "read_protocol", "write_protocol"]

PROTOCOL_ENDINGS = (".json", ".yaml", ".yml")
_LONGEST_YAML = 50_000  # PyYAML takes seconds for a megabyte


def read_protocol(source: str | os.PathLike[str] | Mapping[str, Any]) -> Protocol:
    """Read a protocol from a file or a dictionary.

    Timing has the names of nibs-bids, in seconds: each interval is from onset to onset, and each duration has
    all its intervals in it, the last one too.

    Parameters
    ----------
    source : path, or mapping
        `.json`, `.yaml` or `.yml`. Keys are `pulse_repetition_interval` and `pulse_train_duration`; then,
        where that is repeated, `pulse_train_repeat_interval` and `pulse_train_repeat_duration`,
        `repeat2_interval` and `repeat2_duration`, and so on. Optional: `pulse_duration`; `level_names`, a
        list such as ["pulse", "burst", "train"] (not of nibs-bids: without it, groups of pulses that follow
        each other within a second are bursts, others are trains, sessions, days); `name`, `intensity`,
        `percent_rmt`, `source`, `about`, `from_memory`.

    Returns
    -------
    Protocol

    Raises
    ------
    DoseError
        What is there is no protocol; the message says why, with the file.
    FileFormatError
        The file is damaged, or of another kind.
    MissingPackageError
        YAML needs PyYAML.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import headfield as hf
    >>> mine = hf.dose.read_protocol({
    ...     "pulse_repetition_interval": 0.005, "pulse_train_duration": 0.02,
    ...     "pulse_train_repeat_interval": 5, "pulse_train_repeat_duration": 1800})
    >>> mine.n_pulses, [level.name for level in mine.levels]
    (1440, ['pulse', 'train'])
    """
    if isinstance(source, Mapping):
        return protocol_of(source)
    ending = ending_of(source)
    if ending not in PROTOCOL_ENDINGS:
        raise FileFormatError(f"{os.fspath(source)}: protocols are read from {', '.join(PROTOCOL_ENDINGS)}")
    check_regular(source, FileFormatError)
    try:
        text = read_text(source, FileFormatError)
        given = json_of(text, FileFormatError, once=True) if ending == ".json" else _yaml_of(text)
        if not isinstance(given, dict):
            raise DoseError("must hold an object with the keys of a protocol")
        return protocol_of(given, Path(source).stem)
    except (DoseError, FileFormatError) as problem:
        raise type(problem)(f"{os.fspath(source)}: {in_one_line(problem)}") from None


def write_protocol(protocol: Protocol, path: str | os.PathLike[str]) -> None:
    """Write a protocol as `read_protocol` reads it.

    Parameters
    ----------
    protocol : Protocol
    path : path
        `.json`, `.yaml` or `.yml`; the file appears whole or not at all.

    Raises
    ------
    ArgumentError
        Something else than a protocol.
    FileFormatError
        Another ending.
    MissingPackageError
        YAML needs PyYAML.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from headfield.dose import protocols
    >>> path = tempfile.mkdtemp() + "/itbs.json"
    >>> write_protocol(protocols["itbs"], path)
    >>> read_protocol(path) == protocols["itbs"]
    True
    """
    if not isinstance(protocol, Protocol):
        raise ArgumentError(f"write_protocol takes a Protocol, not {protocol!r}")
    ending = ending_of(path)
    if ending not in PROTOCOL_ENDINGS:
        raise FileFormatError(f"{os.fspath(path)}: protocols are written to {', '.join(PROTOCOL_ENDINGS)}")
    facts = protocol.to_dict()
    if ending == ".json":
        text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    else:
        text = _yaml().safe_dump(facts, sort_keys=False, allow_unicode=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _yaml() -> Any:
    try:
        import yaml  # type: ignore[import-untyped]  # optional: only files of this kind need it
    except ImportError as error:
        raise MissingPackageError("YAML files need PyYAML: pip install 'headfield[dose]'") from error
    return yaml


def _yaml_of(text: str) -> Any:
    """Return what a YAML text holds; raise FileFormatError if it is none, or has aliases or a key twice."""
    yaml = _yaml()
    if len(text) > _LONGEST_YAML:
        raise FileFormatError(f"{len(text):,} characters of YAML are no protocol: at most {_LONGEST_YAML:,}")

    class Plain(yaml.SafeLoader):  # type: ignore[name-defined]  # PyYAML has no types here
        """No aliases: a few lines of them are more than any memory holds once they are written out."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise FileFormatError("aliases of YAML (*name) are not read: write the values out")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = Counter(key.value for key, _ in node.value if isinstance(key.value, str))
            for key, count in keys.items():
                if count > 1:
                    raise FileFormatError(f"{quoted(key)} comes {count} times")
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Plain)
    except FileFormatError:
        raise
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as problem:
        # PyYAML lets through what Python says of a value that is not of its tag, such as !!int "".
        raise FileFormatError(f"not YAML: {problem}") from None
