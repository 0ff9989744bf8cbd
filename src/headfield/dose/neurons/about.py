# SPDX-License-Identifier: BSD-3-Clause
"""What a model of activation is: its paper, its unit, what it was validated on, and what it does not say."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COSINE", "FIBRES", "MAGNITUDE", "OWN_TABLE", "ThresholdModel", "about_form"]


class ThresholdModel(NamedTuple):
    """A model by its name, with what one has to know before one believes it."""

    name: str
    paper: str
    unit: str
    validated_on: str
    does_not_say: str
    from_memory: bool = False  #: whether its numbers were never compared with the paper


_NO_CIRCUIT = "what a response of the brain or of a muscle is: neither circuits nor states of cells are in it"

COSINE = ThresholdModel(
    "cosine rule: |E·n| against a threshold",
    "P. T. Fox et al., Hum. Brain Mapp. 22:1, 2004, doi 10.1002/hbm.20006",
    "V/m",
    "positron emission tomography of motor cortex, by its authors; headfield has validated it on nothing",
    "where realistic neurons are activated: these don't follow the cosine rule (Weise 2023, doi "
    f"10.1162/imag_a_00036); and {_NO_CIRCUIT}",
)
MAGNITUDE = ThresholdModel(
    "magnitude rule: |E| against a threshold",
    "A. S. Aberra et al., Brain Stimul. 13:175, 2020, doi 10.1016/j.brs.2019.10.002",
    "V/m",
    "simulated neurons: activation follows |E| more than its component along the normal; headfield has "
    "validated it on nothing",
    f"how thresholds differ with direction, by 13 to 27 % where published; and {_NO_CIRCUIT}",
)
OWN_TABLE = ThresholdModel(
    "table of thresholds by direction and relative change of |E|",
    "that of the table: headfield ships none",
    "V/m",
    "what its authors say; headfield reads it and interpolates linearly",
    "which way θ was measured and how the relative change was defined: compare `normal` and "
    f"`relative_change` with where it is from; and {_NO_CIRCUIT}",
)
FIBRES = ThresholdModel(
    "activating function d(E·t)/ds, and E·t at the ends",
    "F. Rattay, IEEE Trans. Biomed. Eng. 33:974, 1986, doi 10.1109/TBME.1986.325670; ends: P. J. Basser and "
    "B. J. Roth, Med. Biol. Eng. Comput. 29:261, 1991, doi 10.1007/BF02446708",
    "V/m² (activating function), V/m (ends)",
    "the passive cable, whose membrane they drive; headfield has validated it on no fibre",
    "thresholds: these depend on length constant, pulse, diameter and myelin; streamlines are no axons, and "
    "where they end is the least certain of them",
)


def about_form(name: str, source: str, from_memory: bool) -> ThresholdModel:
    """Describe a three-parameter form."""
    return ThresholdModel(
        f"{name}: |E| against T(θ) = c0 + c1 cos θ + c2 cos² θ",
        source,
        "V/m",
        "the published thresholds of simulated neurons in uniform fields that it was fitted to; on no person",
        "thresholds where |E| changes along the cell; whether θ = 0 points into or out of the cortex, which "
        f"was not seen: `normal` says it; single cells, which scatter around these means; and {_NO_CIRCUIT}",
        from_memory,
    )
