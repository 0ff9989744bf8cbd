# SPDX-License-Identifier: BSD-3-Clause
"""The three-stage model of theta bursts: calcium, two substances, an after-effect (Huang 2011)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import not_negative, whole
from ...errors import ArgumentError, DoseError
from ...io.published import PublishedTables
from ..protocol.protocol import Protocol
from .constants import constants_of
from .huang_response import HuangResponse

__all__ = ["huang2011"]

_MOST = 10**6
_BURST_GAP_S = 0.16  # from the last pulse of a burst to the next, of bursts that the model was fitted to
_BURST = (3, 0.02, 0.2)  # pulses, their interval and that of bursts, s


def huang2011(
    session: Protocol | Sequence[float],
    *,
    contraction: bool = True,
    revised: bool = True,
    tables: PublishedTables | None = None,
) -> HuangResponse:
    """Predict the after-effect of one session of theta bursts by the model of Huang.

    Parameters
    ----------
    session : Protocol, or (bursts, trains, gap_s)
        Bursts of three pulses at 50 Hz every 200 ms; how many in a train, how many trains, and the seconds
        from the end of a train to the next.
    contraction : bool
        Whether the muscle was contracted before (C = 1; without, C = 3).
    revised : bool
        Constants of the revision of 2022; False: those of the original, with the slip of its published code,
        which takes Ca_n − Ca_{n−2} for Ca_n − Ca_{n−1} and leaves gain and decay of the first burst out.
    tables : PublishedTables, optional
        With constants of one's own in the section `plasticity`, from `hf.read_tables`.

    Returns
    -------
    HuangResponse

    Raises
    ------
    DoseError
        The protocol is not a single session of such bursts; the message says what it is. Damaged constants.
    ArgumentError
        Numbers of bursts, trains or seconds that can't be.

    Notes
    -----
    Paper: Huang 2011, doi 10.1016/j.clinph.2010.08.016; Ma, Rothwell, Goetz 2022,
    doi 10.1101/2022.04.15.488478. Unit: the paper's own scale of change of motor evoked potentials. Validated
    on: averages of groups over M1. It does not say anything of intensity or E, which are not in it, of single
    persons, or of courses.

    Ca_n = C q (1 − qⁿ)/(1 − q) with q = e^{−k·0.16 s}; F_n = (Rf (Ca_n − Ca_{n−1}) + F_{n−1}) e^{−fk/C};
    I_n = (Ri Ca_n/C² + I_{n−1}) e^{−ik/C²}; trains add up as they decay in gaps; M = F − I.

    Examples
    --------
    >>> import headfield as hf
    >>> found = hf.dose.huang2011(hf.dose.protocols["ctbs300"])
    >>> round(found.facilitation, 4), round(found.inhibition, 4), round(found.net, 4), found.peak_s
    (4.2557, 8.003, -3.7474, 504.0)
    """
    bursts, trains, gap = _session(session)
    for name, value in (("contraction", contraction), ("revised", revised)):
        if not isinstance(value, bool):
            raise ArgumentError(f"{name} must be True or False, not {value!r}")
    constants = constants_of(tables, "huang2011_revised" if revised else "huang2011")
    level = float(constants["contraction_calcium" if contraction else "no_contraction_calcium"])
    calcium = _calcium(level, constants["calcium_decay_per_s"], bursts)
    facilitation, inhibition = _substances(calcium, level, constants)
    if trains > 1:
        decay = constants["gap_decay_per_s"] * gap
        together = math.expm1(-trains * decay) / math.expm1(-decay)
        facilitation, inhibition = facilitation * together, inhibition * together
    branch = "inhibition" if inhibition >= facilitation or not contraction else "facilitation"
    peak_s = _peak(bursts * trains, constants, branch)
    if peak_s == 0.0:
        few = f"{bursts * trains} bursts are too few for the model of Huang"
        raise DoseError(f"{few}: its peak would come at 0 s")
    return HuangResponse(
        bursts,
        trains,
        gap,
        contraction,
        revised,
        calcium,
        facilitation=facilitation,
        inhibition=inhibition,
        peak_s=peak_s,
        branch=branch,
        source=constants["source"],
        notes=_notes(trains, contraction, revised),
        shape=constants[branch],
    )


def _session(session: Protocol | Sequence[float]) -> tuple[int, int, float]:
    """Return bursts in a train, trains, and the gap between them; trains without a gap are one."""
    if isinstance(session, Protocol):
        return _bursts_of(session)
    try:
        bursts, trains, gap = session
    except (TypeError, ValueError):
        raise ArgumentError(
            f"huang2011 takes a Protocol or (bursts, trains, gap_s), not {session!r}"
        ) from None
    bursts = whole(bursts, "bursts", ArgumentError, _MOST)
    trains = whole(trains, "trains", ArgumentError, _MOST)
    gap = not_negative(gap, "gap_s", ArgumentError)
    return (bursts, trains, gap) if gap > 0 else (bursts * trains, 1, 0.0)


def _bursts_of(protocol: Protocol) -> tuple[int, int, float]:
    longer = [level.name for level in protocol.levels if level.name not in ("pulse", "burst", "train")]
    if longer:
        raise DoseError(
            f"protocol {protocol.name!r} has {longer[0]}s: the model of Huang is of one session without "
            "breaks; no validated model over weeks exists"
        )
    burst, pulses = protocol.level("burst"), protocol.levels[0]
    if burst is None:
        raise DoseError(
            f"protocol {protocol.name!r} has no bursts: the model of Huang is of theta bursts alone, not of "
            f"{pulses.frequency_hz:.4g} Hz"
        )
    if (pulses.count, pulses.repetition_interval_s, burst.repetition_interval_s) != _BURST:
        raise DoseError(
            f"protocol {protocol.name!r} has bursts of {pulses.count} pulses at {pulses.frequency_hz:.4g} Hz "
            f"every {burst.repetition_interval_s:g} s: the model of Huang is of 3 pulses at 50 Hz every 0.2 s"
        )
    gap, trains = protocol.inter_train_interval_s or 0.0, protocol.per("train")
    return (burst.count, trains, gap) if gap > 0 else (burst.count * trains, 1, 0.0)


def _calcium(level: float, decay_per_s: float, bursts: int) -> NDArray[np.float64]:
    """Return Ca_0 … Ca_n."""
    q = math.exp(-decay_per_s * _BURST_GAP_S)
    return np.asarray(level * q * (1.0 - q ** np.arange(bursts + 1)) / (1.0 - q))


def _substances(
    calcium: NDArray[np.float64], level: float, constants: Mapping[str, Any]
) -> tuple[float, float]:
    """Return F and I after one train."""
    gain, decay = constants["facilitation_gain"], math.exp(-constants["facilitation_decay"] / level)
    inhibiting = constants["inhibition_gain"] / level**2
    fading = math.exp(-constants["inhibition_decay"] / level**2)
    back = 2 if constants["index_slip"] else 1
    facilitation = inhibition = 0.0
    for n in range(1, len(calcium)):
        if n == 1 and constants["index_slip"]:
            facilitation = float(calcium[1])
        else:
            facilitation = (gain * float(calcium[n] - calcium[n - back]) + facilitation) * decay
        inhibition = (inhibiting * float(calcium[n]) + inhibition) * fading
    return facilitation, inhibition


def _peak(bursts: int, constants: Mapping[str, Any], branch: str) -> float:
    """Return when the after-effect is largest, s after the session."""
    power, half = constants["peak_power"], constants["peak_bursts"]
    inhibiting = round(constants["peak_s"] / (1.0 + (half / bursts) ** power))
    if branch == "inhibition":
        return float(inhibiting)
    return float(round(constants["facilitation_delay"] * inhibiting))


def _notes(trains: int, contraction: bool, revised: bool) -> tuple[str, ...]:
    found = []
    if trains > 1 and not contraction:
        found.append("Several trains without contraction before are outside of what the model was fitted to.")
    if not revised:
        found.append("Constants and code of 2011, whose index slip the revision corrects.")
    return tuple(found)
