# SPDX-License-Identifier: BSD-3-Clause
"""Thresholds of neurons by the angle between E and the normal of the cortex, in three parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...core.messages import nearest_name
from ...errors import DoseError
from ...io.published import PublishedTables, section_of
from .about import about_form

__all__ = ["ThresholdForm", "layer_depths", "threshold_form"]

Floats = NDArray[np.float64]

_SECTION = "neuron_thresholds"
_LAYERS = "layer depths"


class ThresholdForm:
    """Threshold of |E| by its direction, T(θ) = c0 + c1 cos θ + c2 cos² θ, V/m.

    Parameters
    ----------
    coefficients : array_like (3,)
        c0, c1, c2, V/m.
    name, source : str
        What it is of, and where the numbers are from.
    from_memory : bool
        Whether they were never compared with that.

    Attributes
    ----------
    coefficients : ndarray (3,) float64
    about : ThresholdModel
        Its paper, its unit, what it was validated on, what it does not say.

    Raises
    ------
    DoseError
        Not three finite numbers, or thresholds that are 0 or less at some angle.

    Examples
    --------
    >>> form = ThresholdForm([200.0, 10.0, -30.0], name="my cells", source="our own measurements")
    >>> form.threshold([0, 90, 180])
    array([180., 200., 160.])
    """

    needs_normals, needs_change, of_component = True, False, False

    def __init__(
        self, coefficients: ArrayLike, *, name: str = "form", source: str = "", from_memory: bool = False
    ) -> None:
        self.coefficients: Floats = finite_array(coefficients, f"coefficients of {name}", DoseError)
        if self.coefficients.shape != (3,):
            raise DoseError(
                f"coefficients of {name} must be three, c0, c1, c2, not {self.coefficients.shape}"
            )
        c0, c1, c2 = self.coefficients.tolist()
        self.coefficients.flags.writeable = False
        extremes = [c0 + c1 + c2, c0 - c1 + c2]
        if abs(c1) < 2 * abs(c2):
            extremes.append(c0 - c1 * c1 / (4 * c2))
        if min(extremes) <= 0:
            raise DoseError(
                f"{name}: thresholds must be above 0 V/m at every angle, and fall to {min(extremes):.4g}"
            )
        self.about = about_form(name, source or "its user", from_memory)

    def __repr__(self) -> str:
        c0, c1, c2 = self.coefficients
        return f"<ThresholdForm {self.about.name.partition(':')[0]}: {c0:g} {c1:+g} cos θ {c2:+g} cos² θ V/m>"

    def threshold(self, theta_deg: ArrayLike) -> Floats:
        """Return the threshold of |E| at angles from the normal, in their shape, V/m.

        Raises
        ------
        DoseError
            Angles that are not finite.
        """
        return self.at(np.cos(np.radians(finite_array(theta_deg, "theta_deg", DoseError))))

    def at(self, cosine: Floats, change: Floats | None = None) -> Floats:
        """Return thresholds at cosines of angles, V/m; the relative change of |E| is not in the form."""
        c0, c1, c2 = self.coefficients
        return np.asarray(c0 + cosine * (c1 + c2 * cosine))


def threshold_form(
    cell: str = "L5_PC", pulse: str = "biphasic", tables: PublishedTables | None = None
) -> ThresholdForm:
    """Return the three-parameter form of a cell and a kind of pulse.

    The forms are headfield's own fit to published thresholds in uniform fields, with largest errors of 1.2 to
    3.4 % against these. Thresholds are those of isolated, simulated neurons in a macroscopic field: two to
    three times what people's motor thresholds come to. `factor_from_motor_threshold` makes up for that.

    Parameters
    ----------
    cell : {"L5_PC", "L23_PC", "L4_LBC"}
        Pyramidal cells of layers 5 and 2/3, large basket cells of layer 4.
    pulse : {"biphasic", "monophasic"}
    tables : PublishedTables, optional
        With numbers of a user in place of these: see `headfield.read_tables`; section "neuron_thresholds".

    Returns
    -------
    ThresholdForm

    Raises
    ------
    DoseError
        There is no such cell or pulse, or an entry of a user has no three coefficients.

    Examples
    --------
    >>> form = threshold_form("L5_PC", "monophasic")
    >>> form.threshold([0, 90, 180]).round(1).tolist(), form.about.unit
    ([240.3, 291.1, 264.5], 'V/m')
    """
    entries = section_of(tables, _SECTION)
    name = f"{cell} {pulse}"
    forms = [key for key in entries if key != _LAYERS]
    if name not in forms:
        raise DoseError(
            f"no thresholds of {cell!r} for {pulse!r} pulses{nearest_name(name, forms)}; "
            f"there are {', '.join(forms)}"
        )
    entry = entries[name]
    return ThresholdForm(
        _needed(entry, "coefficients_v_per_m", name),
        name=name,
        source=entry["source"],
        from_memory=entry["from_memory"],
    )


def layer_depths(tables: PublishedTables | None = None) -> dict[str, float]:
    """Return relative depths of the layers of the cortex, 0 at white matter and 1 at the outer surface.

    Middles of the layers after Aberra 2020, written down from memory, not compared with the paper: replace
    them (`headfield.read_tables`, section "neuron_thresholds", entry "layer depths") where it matters.

    Parameters
    ----------
    tables : PublishedTables, optional

    Returns
    -------
    dict of str to float

    Raises
    ------
    DoseError
        Depths of a user that are not between 0 and 1.

    Examples
    --------
    >>> layer_depths()
    {'L1': 0.94, 'L2/3': 0.6, 'L4': 0.45, 'L5': 0.35, 'L6': 0.15}
    """
    depths = _needed(section_of(tables, _SECTION)[_LAYERS], "depths", _LAYERS)
    if not isinstance(depths, dict) or not all(_is_depth(value) for value in depths.values()):
        raise DoseError(f"depths of {_LAYERS!r} must be numbers between 0 and 1 by the names of layers")
    return {name: float(value) for name, value in depths.items()}


def _is_depth(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1


def _needed(entry: Mapping[str, Any], key: str, name: str) -> Any:
    if key not in entry:
        raise DoseError(f"{name!r} of {_SECTION} has no {key!r}")
    return entry[key]
