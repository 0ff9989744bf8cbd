# SPDX-License-Identifier: BSD-3-Clause
"""Pulses of circuits: printed values, an integrator of their equations, energies, what is refused."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

import headfield as hf
from headfield.dose import Pulse

R, L, C, V0 = 20e-3, 10e-6, 200e-6, 1600.0
EXAMPLE = (R, L, C, V0)
TAU_S = 200e-6
MAKERS = {
    "biphasic": lambda: Pulse.biphasic(*EXAMPLE),
    "half-sine": lambda: Pulse.half_sine(*EXAMPLE),
    "polyphasic": lambda: Pulse.polyphasic(*EXAMPLE, periods=3),
    "weakly damped": lambda: Pulse.biphasic(1e-6, 16e-6, 185e-6, 2800.0),
    "without a resistance": lambda: Pulse.biphasic(0, 16e-6, 185e-6, 2800.0),
    "hardly ringing": lambda: Pulse.half_sine(0.44, *EXAMPLE[1:]),
    "shunt that rings": lambda: Pulse.monophasic(*EXAMPLE, diode_ohm=0.15),
    "shunt that does not ring": lambda: Pulse.monophasic(*EXAMPLE, diode_ohm=0.05),
    "small shunt": lambda: Pulse.monophasic(*EXAMPLE, diode_ohm=1e-4, duration_s=1e-3),
    "critical shunt": lambda: Pulse.monophasic(*EXAMPLE, diode_ohm=CRITICAL),
    "series": lambda: Pulse.monophasic(*EXAMPLE, diode_ohm=0.15, diode="series"),
}
# Where (R/L − 1/(Rd C))² = 4/(LC): both rates of the second circuit are the same.
CRITICAL = 1.0 / (C * (R / L + 2.0 / np.sqrt(L * C)))


def integrated(pulse, times_s):
    """Current, voltage of the capacitor, response of a membrane and ∫i² by SciPy, at times in the pulse."""
    circuit, turn = pulse.circuit, pulse.pieces[0].end_s
    r, coil, c = circuit.resistance_ohm, circuit.inductance_h, circuit.capacitance_f

    def ringing(_, y):
        rate = (y[1] - r * y[0]) / coil
        return [rate, -y[0] / c, (rate - y[2]) / TAU_S, y[0] ** 2]

    def shunted(_, y):
        rate = (y[1] - r * y[0]) / coil
        return [rate, (-y[0] - y[1] / circuit.diode_ohm) / c, (rate - y[2]) / TAU_S, y[0] ** 2]

    def freewheeling(_, y):
        rate = -(r + circuit.diode_ohm) * y[0] / coil
        return [rate, 0.0, (rate - y[2]) / TAU_S, y[0] ** 2]

    then = {"": None, "shunt": shunted, "series": freewheeling}[circuit.diode]
    parts, start = [], [0.0, circuit.voltage_v, 0.0, 0.0]
    for law, low, high in ((ringing, 0.0, turn), (then, turn, pulse.end_s)):
        if law is None:
            break
        inside = times_s[(times_s > low) & (times_s <= high)]
        options = {"method": "Radau" if circuit.diode_ohm == 1e-4 else "DOP853", "rtol": 1e-12}
        scale = [1e4, 1e3, 1e7, 1e4]
        found = solve_ivp(law, (low, high), start, t_eval=inside, atol=1e-13 * np.array(scale), **options)
        parts.append(found.y)
        start = found.y[:, -1] if inside[-1] == high else None
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("name", MAKERS)
def test_closed_forms_are_what_an_integrator_finds(name):
    pulse = MAKERS[name]()
    turn = pulse.pieces[0].end_s
    times = np.union1d(np.linspace(0, pulse.end_s, 400)[1:], [turn, pulse.end_s])
    i, v, membrane, square = integrated(pulse, times)
    rate = (v - pulse.circuit.resistance_ohm * i) / pulse.circuit.inductance_h
    if pulse.circuit.diode == "series":
        ohm = pulse.circuit.resistance_ohm + pulse.circuit.diode_ohm
        rate = np.where(times > turn, -ohm * i / pulse.circuit.inductance_h, rate)
    for found, expected, scale in (
        (pulse.current(times), i, pulse.current_max),
        (pulse.didt(times[times != turn]), rate[times != turn], pulse.didt_peak),
        (pulse.voltage(times), v, pulse.circuit.voltage_v),
        (pulse.didt_peak * pulse.membrane(times, TAU_S), membrane, np.abs(membrane).max()),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * scale)
    assert pulse.current_squared_a2s == pytest.approx(square[-1], rel=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_random_circuits_are_what_an_integrator_finds(seed):
    rng = np.random.default_rng(seed)
    inductance, capacitance = 10 ** rng.uniform(-5.5, -4), 10 ** rng.uniform(-5, -3)
    ohm = rng.uniform(0, 0.9) * 2 * np.sqrt(inductance / capacitance)
    pulse = Pulse.biphasic(ohm, inductance, capacitance, rng.uniform(100, 3000))
    times = np.linspace(0, pulse.end_s, 100)[1:]
    i, v, membrane, _ = integrated(pulse, times)
    np.testing.assert_allclose(pulse.current(times), i, rtol=0, atol=1e-8 * pulse.current_max)
    np.testing.assert_allclose(pulse.voltage(times), v, rtol=0, atol=1e-8 * pulse.circuit.voltage_v)
    peak = np.abs(membrane).max()
    np.testing.assert_allclose(
        pulse.didt_peak * pulse.membrane(times, TAU_S), membrane, rtol=0, atol=1e-8 * peak
    )


def test_the_example_has_the_printed_values():
    pulse = Pulse.biphasic(*EXAMPLE)
    assert pulse.damping_per_s == pytest.approx(1000.0, abs=1e-9)
    assert pulse.circuit.omega_per_s == pytest.approx(22338.308, abs=5e-4)
    assert 1e6 * pulse.period_s == pytest.approx(281.2740, abs=5e-5)
    assert 1e-6 * pulse.didt(0.0) == pytest.approx(160.0, abs=1e-9)
    assert (pulse.didt_max, pulse.didt_max_at_s) == (pytest.approx(160e6), 0.0)
    assert pulse.current_max == pytest.approx(6682.913, abs=5e-4)
    assert 1e6 * pulse.current_max_at_s == pytest.approx(68.3158, abs=5e-5)
    assert 1e-6 * pulse.didt_min == pytest.approx(-139.5666, abs=5e-5)
    assert 1e6 * pulse.didt_min_at_s == pytest.approx(136.632, abs=5e-4)
    assert pulse.voltage(pulse.end_s) == pytest.approx(1207.714, abs=5e-4)
    assert pulse.stored_energy_j == pytest.approx(256.0, abs=1e-9)
    assert pulse.loss_j == pytest.approx(110.1426, abs=5e-5)
    assert Pulse.half_sine(*EXAMPLE).loss_j == pytest.approx(62.7657, abs=5e-5)


def test_the_diode_has_the_printed_values():
    pulse = Pulse.monophasic(*EXAMPLE, diode_ohm=0.15)
    assert 1e6 * pulse.pieces[0].end_s == pytest.approx(72.3212, abs=5e-5)
    assert 1e-6 * pulse.didt_min == pytest.approx(-70.523, abs=5e-4)
    assert 1e6 * pulse.didt_min_at_s == pytest.approx(114.600, abs=5e-4)
    assert pulse.current(500e-6) == pytest.approx(4.745, abs=5e-4)
    assert pulse.loss_j == pytest.approx(pulse.stored_energy_j, rel=1e-12)


def test_a_series_diode_leaves_an_exponential():
    pulse = Pulse.monophasic(*EXAMPLE, diode_ohm=0.1, diode="series")
    turn = pulse.pieces[0].end_s
    at = turn + np.array([10e-6, 90e-6])
    expected = pulse.current(turn) * np.exp(-0.12 / L * (at - turn))
    np.testing.assert_allclose(pulse.current(at), expected, rtol=1e-12)
    assert pulse.voltage(at).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", MAKERS)
def test_energies_are_in_balance(name):
    pulse = MAKERS[name]()
    circuit = pulse.circuit
    points = [piece.end_s for piece in pulse.pieces]
    square = quad(lambda t: pulse.current(t) ** 2, 0, pulse.end_s, points=points, limit=2000, epsrel=1e-11)[0]
    assert pulse.resistive_loss_j == pytest.approx(circuit.resistance_ohm * square, rel=1e-8, abs=1e-12)
    if circuit.diode_ohm is None:
        left = 0.5 * circuit.capacitance_f * pulse.voltage(pulse.end_s) ** 2
        assert pulse.loss_j == pytest.approx(pulse.stored_energy_j - left, rel=1e-8, abs=1e-9)
        assert pulse.loss_j == pytest.approx(pulse.resistive_loss_j, rel=1e-8, abs=1e-9)
    elif circuit.diode == "shunt":
        turn = pulse.pieces[0].end_s
        ends = turn + (pulse.end_s - turn) * np.array([0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0])
        volts = sum(
            quad(lambda t: pulse.voltage(t) ** 2, low, high, limit=500, epsrel=1e-11)[0]
            for low, high in pairwise(ends)
        )
        assert pulse.loss_j == pytest.approx(pulse.resistive_loss_j + volts / circuit.diode_ohm, rel=1e-8)


def test_losses_follow_the_damping():
    pulse = Pulse.polyphasic(*EXAMPLE, periods=3)
    gone = 1 - np.exp(-2 * pulse.damping_per_s * 3 * pulse.period_s)
    assert pulse.loss_j == pytest.approx(256.0 * gone, rel=1e-12)
    assert pulse.duration_s == pytest.approx(3 * pulse.period_s)


def test_a_thyristor_ends_the_pulse_where_its_current_is_back_at_0():
    rings = Pulse.monophasic(*EXAMPLE, diode_ohm=0.15)
    stopped = Pulse.monophasic(*EXAMPLE, diode_ohm=0.15, thyristor=True)
    assert rings.current_min < -100
    assert stopped.current_min == pytest.approx(0.0, abs=1e-6)
    assert stopped.current(stopped.end_s) == pytest.approx(0.0, abs=1e-6)
    times = np.linspace(0, stopped.end_s, 50)
    np.testing.assert_allclose(stopped.current(times), rings.current(times), rtol=1e-12, atol=1e-6)
    overdamped = [Pulse.monophasic(*EXAMPLE, diode_ohm=0.05, thyristor=way) for way in (True, False)]
    assert overdamped[0].end_s == overdamped[1].end_s


def test_a_cut_pulse_keeps_what_is_left_in_coil_and_capacitor():
    pulse = Pulse.monophasic(*EXAMPLE, diode_ohm=0.15, duration_s=120e-6)
    end = pulse.end_s
    left = 0.5 * (L * pulse.current(end) ** 2 + C * pulse.voltage(end) ** 2)
    assert pulse.loss_j == pytest.approx(256.0 - left, rel=1e-12)
    assert pulse.current(121e-6) == 0.0


def test_scaled_and_reversed():
    pulse = Pulse.biphasic(*EXAMPLE)
    half = pulse.scaled("80 A/µs")
    assert half.circuit.voltage_v == pytest.approx(800.0)
    assert half.current_max == pytest.approx(pulse.current_max / 2)
    assert half.loss_j == pytest.approx(pulse.loss_j / 4)
    assert half.voltage(1e-4) == pytest.approx(pulse.voltage(1e-4) / 2)
    turned = pulse.reversed()
    assert turned.didt_min == pytest.approx(-160e6)
    assert turned.didt_max == pytest.approx(-pulse.didt_min)
    assert turned.didt_peak == pulse.didt_peak
    assert turned.loss_j == pytest.approx(pulse.loss_j)
    assert turned.reversed().current(5e-5) == pulse.current(5e-5)


def test_the_field_follows_di_dt():
    pulse = Pulse.biphasic(*EXAMPLE)
    E = np.random.default_rng(0).normal(size=(4, 3))
    shown = pulse.field([0.0, pulse.didt_min_at_s, 1.0], E)
    assert shown.shape == (3, 4, 3)
    np.testing.assert_allclose(shown[0], E, rtol=1e-12)
    np.testing.assert_allclose(shown[1], -139.566634670513 / 160 * E, rtol=1e-9)
    assert not shown[2].any()
    assert pulse.field(0.0, E[0]).shape == (3,)
    np.testing.assert_allclose(pulse.reversed().field(0.0, E), -E, rtol=1e-12)


def test_a_period_and_a_damping_make_the_same_pulse():
    whole = Pulse.biphasic(*EXAMPLE)
    times = np.linspace(-1e-5, 3e-4, 77)
    for inductance in (None, L):
        made = Pulse.damped_cosine(whole.period_s, whole.damping_per_s, V0 / L, inductance_h=inductance)
        np.testing.assert_allclose(made.didt(times), whole.didt(times), rtol=0, atol=1e-4)
        assert made.lc_s2 == pytest.approx(L * C, rel=1e-12)
    assert made.loss_j == pytest.approx(whole.loss_j, rel=1e-11)
    assert made.circuit.resistance_ohm == pytest.approx(R, rel=1e-12)


def test_pulses_are_copied_whole_and_their_arrays_are_read_only():
    pulse = Pulse.monophasic(*EXAMPLE, diode_ohm=0.15)
    again = pickle.loads(pickle.dumps(pulse))
    assert (again.loss_j, again.didt_min) == (pulse.loss_j, pulse.didt_min)
    with pytest.raises(ValueError, match="read-only"):
        again.pieces[0].weights[0] = 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"resistance_ohm": 0.5}, r"resistance_ohm = 0\.5 is overdamped.*below 2√\(L/C\) = 0\.4472"),
        ({"resistance_ohm": 2 * np.sqrt(L / C)}, "overdamped"),
        ({"resistance_ohm": -0.02}, r"resistance_ohm = -0\.02 must be 0 or more"),
        ({"resistance_ohm": np.nan}, "resistance_ohm = nan must be a finite number"),
        ({"inductance_h": 0}, "inductance_h must be more than 0"),
        ({"inductance_h": -1e-5}, "inductance_h = -1e-05"),
        ({"capacitance_f": np.inf}, "capacitance_f = inf"),
        ({"capacitance_f": 200}, r"capacitance_f must lie between 1e-09 and 1, not 200"),
        ({"inductance_h": 1e-300}, r"inductance_h must lie between 1e-09 and 1, not 1e-300"),
        (
            {"resistance_ohm": 0, "inductance_h": 10e-3, "capacitance_f": 0.5},
            r"period of 0\.444 s; possible are 1e-06",
        ),
        ({"voltage_v": -1600}, "voltage_v = -1600"),
        ({"voltage_v": "1600"}, "voltage_v = '1600' must be a finite number"),
        ({"voltage_v": 1e12}, r"voltage_v must lie between 1e-06 and 1e\+06, not 1e\+12"),
        (
            {"inductance_h": 1e-9, "voltage_v": 1e5, "resistance_ohm": 0},
            r"dI/dt of 1e\+14 A/s; possible is up to 1e\+12",
        ),
    ],
)
def test_circuits_that_are_not_possible_are_refused(change, match):
    given = dict(zip(("resistance_ohm", "inductance_h", "capacitance_f", "voltage_v"), EXAMPLE, strict=True))
    for make in (Pulse.biphasic, Pulse.half_sine, Pulse.polyphasic):
        with pytest.raises(hf.DoseError, match=match):
            make(**(given | change))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"diode_ohm": 0}, hf.DoseError, "diode_ohm must be more than 0"),
        ({"diode_ohm": -1}, hf.DoseError, "diode_ohm = -1"),
        ({"diode_ohm": 1e-300}, hf.DoseError, r"diode_ohm must lie between 1e-09 and 1e\+09"),
        ({"diode_ohm": 1e300, "diode": "series"}, hf.DoseError, "diode_ohm must lie between 0 and"),
        ({"diode_ohm": np.nan}, hf.DoseError, "diode_ohm = nan"),
        ({"diode_ohm": 0.1, "diode": "zener"}, hf.ArgumentError, "'shunt' or 'series', not 'zener'"),
        (
            {"diode_ohm": 0.1, "duration_s": 50e-6},
            hf.DoseError,
            "before the diode conducts.*more than 7.232e-05",
        ),
        ({"diode_ohm": 0.15, "duration_s": 1e9}, hf.DoseError, "periods"),
        ({"diode_ohm": 0.1, "duration_s": np.inf}, hf.DoseError, "duration_s = inf"),
    ],
)
def test_diodes_that_are_not_possible_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        Pulse.monophasic(*EXAMPLE, **options)


def test_other_values_that_are_not_possible_are_refused():
    with pytest.raises(
        hf.DoseError, match=r"diode_ohm = 1e\+06 lets the circuit ring for .* periods; give less"
    ):
        Pulse.monophasic(0, *EXAMPLE[1:], diode_ohm=1e6)
    with pytest.raises(hf.DoseError, match="both 0: the current would flow for ever"):
        Pulse.monophasic(0, *EXAMPLE[1:], diode_ohm=0, diode="series")
    pulse = Pulse.biphasic(*EXAMPLE)
    for periods in (0, 1.5, 1001, True):
        with pytest.raises(hf.DoseError, match="periods"):
            Pulse.polyphasic(*EXAMPLE, periods=periods)
    for didt in (0, -1e8, np.nan, 1e13, "60 %MSO", "1e8,1e8"):
        with pytest.raises(hf.DoseError, match="didt_max"):
            pulse.scaled(didt)
    with pytest.raises(hf.ArgumentError, match="didt_max: '160 V' is neither"):
        pulse.scaled("160 V")
    for tau in (0, -1e-4, np.nan, 200, 1e-320):
        with pytest.raises(hf.DoseError, match="tau_s"):
            pulse.depolarisation(tau)
    for call in (pulse.current, pulse.didt, pulse.voltage, pulse.membrane):
        with pytest.raises(hf.DoseError, match="t: 1 value is not finite"):
            call([0.0, np.nan])
    with pytest.raises(hf.DoseError, match=r"E must have the shape \(\.\.\., 3\), not \(2,\)"):
        pulse.field(0.0, [1.0, 2.0])
    for values, match in (
        ((200, 800, 1e8), r"period_s is 200 s; possible are 1e-06 to 0\.1 s"),
        ((3e-4, -1, 1e8), "damping_per_s = -1"),
        ((3e-4, 1e9, 1e8), r"damping_per_s = 1e\+09 leaves no oscillation"),
        ((3e-4, 800, -1e8), "didt_max"),
    ):
        with pytest.raises(hf.DoseError, match=match):
            Pulse.damped_cosine(*values)
    for periods in (0, -1, 1e4, np.nan):
        with pytest.raises(hf.DoseError, match="periods"):
            Pulse.damped_cosine(3e-4, 800, 1e8, periods=periods)
    shape = Pulse.damped_cosine(300e-6, 800, 150e6)
    for call in (lambda: shape.loss_j, lambda: shape.stored_energy_j, lambda: shape.resistive_loss_j):
        with pytest.raises(hf.DoseError, match="not made of R, L, C and V0"):
            call()
    with pytest.raises(hf.DoseError, match="voltage"):
        shape.voltage(0.0)


def test_a_di_dt_without_its_unit_is_doubted():
    with pytest.warns(hf.PlausibilityWarning, match="if A/µs was meant, it is '147.86 A/µs'"):
        Pulse.damped_cosine(302.5e-6, 811.8, 147.86)
