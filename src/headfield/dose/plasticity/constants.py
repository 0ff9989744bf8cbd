# SPDX-License-Identifier: BSD-3-Clause
"""Constants of models, from the published tables or a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.arguments import truth, within
from ...errors import DoseError
from ...io.published import PublishedTables, published, section_of

__all__ = ["constants_of"]

_SECTION = "plasticity"
_MOST_TIMES = 100.0  # of headfield's own: other models than these, and integrations that take for ever
_MOST_TIMES_POWER = 5.0  # of an exponent, whose powers would leave the range of floats


def constants_of(tables: PublishedTables | None, name: str) -> Mapping[str, Any]:
    """Return the constants of a model, each as there is one in headfield's own tables, or raise DoseError.

    Each lies within 0.01 to 100 times headfield's own, an exponent within 0.2 to 5 times.

    Examples
    --------
    >>> constants_of(None, "calcium")["alpha_per_s"]
    83
    """
    own = published()[_SECTION][name]
    found = section_of(tables, _SECTION)[name]
    _check(found, own, f"{found.get('file', _SECTION)}: {name}")
    return found


def _check(found: Any, own: Mapping[str, Any], where: str) -> None:
    """Raise DoseError unless all that `own` has is there, numbers more than 0."""
    if not isinstance(found, Mapping):
        raise DoseError(f"{where} must be an object with {', '.join(own)}")
    missing = [key for key in own if key not in found]
    if missing:
        raise DoseError(f"{where}: {', '.join(missing)} is missing")
    for key, value in own.items():
        if isinstance(value, Mapping):
            _check(found[key], value, f"{where}: {key}")
        elif not isinstance(value, (str, bool)):
            most = _MOST_TIMES_POWER if key.endswith("_power") else _MOST_TIMES
            within(found[key], f"{where}: {key}", DoseError, value / most, value * most)
        elif isinstance(value, bool):
            truth(found[key], f"{where}: {key}", DoseError)
