# SPDX-License-Identifier: BSD-3-Clause
"""Equations of calcium-dependent plasticity of one excitatory population, and what solves them.

S(x) = 1/(1 + e^{−x}), V = V1 + V2, Q = 340/s · S((V − θ)/σ), drive φs during pulses:

    V1'' = αβ(νs φs − V1 − (1/α + 1/β)V1')    V2'' = αβ(ν φ − V2 − (1/α + 1/β)V2')    φ'' = γ²(Q − φ) − 2γφ'
    G' = Λ(φs + φ) − G/τG    Ca' = g·S(B(G − G0))·(0.195 − V)·S(62(V − 0.0455)) − Ca/τCa
    n' = x(νmax − n) − y n,  x = xt + xp·S(s(Ca − Pth)),
    y = xt(νmax − ν0)/ν0 + yd[S(s(Ca − Dth)) − S(s(Ca − Pth))]
    ν'' = z²(n − ν) − 2zν'    g' = −(g/tB)(n/ν − 1) + (g0 − g)/trec
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConvergenceError, MissingPackageError

__all__ = ["CALCIUM", "CONDUCTANCE", "STRENGTH", "TARGET", "courses", "start_of"]

Floats = NDArray[np.float64]
State = list[float]

#: Where these are among the states V1, V1', V2, V2', φ, φ', G, Ca, n, ν, ν', g.
CALCIUM, TARGET, STRENGTH, CONDUCTANCE = 7, 8, 9, 11

_RELATIVE = 1e-8
_ABSOLUTE = np.array([1e-10, 1e-8, 1e-10, 1e-8, 1e-6, 1e-4, 1e-12, 1e-14, 1e-13, 1e-13, 1e-16, 1e-10])
_MOST_STEPS = 100_000


def start_of(constants: Mapping[str, Any]) -> Floats:
    """Return the state at rest."""
    rate, coupling = constants["start_rate_per_s"], constants["coupling_v_s"]
    glutamate, calcium = constants["start_glutamate"], constants["start_calcium"]
    state = [0.0, 0.0, coupling * rate, 0.0, rate, 0.0, glutamate, calcium]
    return np.array([*state, coupling, coupling, 0.0, constants["conductance"]])


def courses(
    constants: Mapping[str, Any], onsets_s: Floats, amplitude: float, times_s: Floats, *, metaplasticity: bool
) -> Floats:
    """Return all states at these times, (n, 12).

    Between the edges of pulses nothing jumps, so each piece is a problem of its own for LSODA, which changes
    to a stiff method where that is faster.

    Parameters
    ----------
    constants : mapping
        The entry `calcium` of the section `plasticity`.
    onsets_s : ndarray (p,)
    amplitude : float, 1/s
    times_s : ndarray (n,)
        Ascending, 0 or more.
    metaplasticity : bool
        Whether g moves.

    Raises
    ------
    MissingPackageError
        SciPy is missing.
    ConvergenceError
        LSODA gave up.
    """
    width = float(constants["pulse_s"])
    slopes = [_equations(constants, drive, metaplasticity) for drive in (0.0, amplitude)]
    edges = [0.0, *np.stack([onsets_s, onsets_s + width], axis=1).ravel().tolist()]
    state, found = start_of(constants), np.empty((len(times_s), 12))
    found[times_s == 0.0] = state
    for i, begin in enumerate(edges):
        end = edges[i + 1] if i + 1 < len(edges) else max(begin, float(times_s[-1]))
        inside = np.flatnonzero((times_s > begin) & (times_s <= end))
        if end > begin:
            solved = _solved(slopes[i % 2], state, [begin, *times_s[inside].tolist(), end])
            found[inside], state = solved[1:-1], solved[-1]
    return found


def _solved(slope: Callable[[float, Floats], State], state: Floats, times_s: list[float]) -> Floats:
    """Return states at times, the last of which may be there twice."""
    try:
        from scipy.integrate import odeint  # type: ignore[import-untyped]  # optional: only this model needs it
    except ImportError as error:
        raise MissingPackageError("the calcium model needs SciPy: pip install 'headfield[dose]'") from error
    twice = len(times_s) > 2 and times_s[-2] == times_s[-1]
    different = times_s[:-1] if twice else times_s
    how = {"tfirst": True, "rtol": _RELATIVE, "atol": _ABSOLUTE, "mxstep": _MOST_STEPS, "full_output": True}
    solved, told = odeint(slope, state, different, **how)
    if told["message"] != "Integration successful.":
        raise ConvergenceError(f"calcium model, from {times_s[0]:g} s: {told['message']}")
    return np.concatenate([solved, solved[-1:]]) if twice else np.asarray(solved)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0


def _equations(
    constants: Mapping[str, Any], drive: float, metaplasticity: bool
) -> Callable[[float, Floats], State]:
    """Return the slope of the state for a drive that does not change."""
    c = constants
    alpha, beta, gamma = c["alpha_per_s"], c["beta_per_s"], c["gamma_per_s"]
    product, both = alpha * beta, 1.0 / alpha + 1.0 / beta
    stimulus = c["stimulus_coupling_v_s"] * drive
    largest, first = c["largest_coupling_v_s"], c["coupling_v_s"]
    rest, up, down = c["rest_per_s"], c["potentiation_per_s"], c["depression_per_s"]
    back = rest * (largest - first) / first
    fires, threshold, width = c["largest_rate_per_s"], c["firing_threshold_v"], c["firing_width_v"]
    release, glutamate_s = c["glutamate_release"], c["glutamate_decay_s"]
    bound, steep, z = c["glutamate_threshold"], c["glutamate_slope"], c["synapse_per_s"]
    reversal, block, unblocked = c["reversal_v"], c["magnesium_per_v"], c["magnesium_v"]
    slope, low, high = c["calcium_slope"], c["depression_calcium"], c["potentiation_calcium"]
    calcium_s, g0 = c["calcium_decay_s"], c["conductance"]
    moves_s, recovers_s = c["metaplasticity_s"], c["recovery_s"]

    def changes(_: float, state: Floats) -> State:
        # Numbers of Python: with those of NumPy the same takes twice as long.
        v1, v1_slope, v2, v2_slope, rate, rate_slope, glutamate, calcium, n, nu, nu_slope, g = state.tolist()
        v = v1 + v2
        fired = fires * _sigmoid((v - threshold) / width)
        potentiates = _sigmoid(slope * (calcium - high))
        x = rest + up * potentiates
        y = back + down * (_sigmoid(slope * (calcium - low)) - potentiates)
        flows = g * _sigmoid(steep * (glutamate - bound)) * (reversal - v) * _sigmoid(block * (v - unblocked))
        return [
            v1_slope,
            product * (stimulus - v1 - both * v1_slope),
            v2_slope,
            product * (nu * rate - v2 - both * v2_slope),
            rate_slope,
            gamma * gamma * (fired - rate) - 2.0 * gamma * rate_slope,
            release * (drive + rate) - glutamate / glutamate_s,
            flows - calcium / calcium_s,
            x * (largest - n) - y * n,
            nu_slope,
            z * z * (n - nu) - 2.0 * z * nu_slope,
            -(g / moves_s) * (n / nu - 1.0) + (g0 - g) / recovers_s if metaplasticity else 0.0,
        ]

    return changes
