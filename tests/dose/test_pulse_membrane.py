# SPDX-License-Identifier: BSD-3-Clause
"""What a membrane makes of a pulse, by closed forms, and which output of a stimulator equals which."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import headfield as hf
from headfield.dose import Pulse, chronaxie_s, equivalent_mso, lapicque, time_constant_s, weiss
from headfield.dose.pulses.exponentials import Exponentials
from headfield.io.published import published

EXAMPLE = (20e-3, 10e-6, 200e-6, 1600.0)
MONOPHASIC = Pulse.monophasic(*EXAMPLE, diode_ohm=0.15)


def test_the_example_has_the_printed_responses():
    found = Pulse.biphasic(*EXAMPLE).depolarisation(200e-6)
    assert (found.max, found.min) == (pytest.approx(0.171734, abs=5e-7), pytest.approx(-0.198556, abs=5e-7))
    assert Pulse.half_sine(*EXAMPLE).depolarisation(200e-6).max == pytest.approx(0.17173, abs=5e-6)
    mono = MONOPHASIC.depolarisation(200e-6)
    assert mono.min == pytest.approx(-0.0593, abs=5e-5)
    # Its largest response comes before the diode conducts, and is so the biphasic one.
    assert mono.max_at_s < MONOPHASIC.pieces[0].end_s
    assert mono.max == pytest.approx(found.max, rel=1e-12)


@pytest.mark.parametrize(
    ("tau_s", "most", "least"), [(200e-6, 0.183768, -0.217615), (150e-6, 0.230721, -0.284190)]
)
def test_a_published_pulse_has_the_printed_responses(tau_s, most, least):
    found = Pulse.published("magpro_x100_mcf_b65").depolarisation(tau_s)
    assert found.max == pytest.approx(most, abs=5e-7)
    assert found.min == pytest.approx(least, abs=1e-6)  # the table rounds the damping: 811.8 for 811.794
    if tau_s == 200e-6:
        assert 1e6 * found.max_at_s == pytest.approx(64.37, abs=5e-3)
        assert 1e6 * found.min_at_s == pytest.approx(212.41, abs=5e-3)


def test_the_closed_form_of_a_damped_cosine():
    pulse = Pulse.biphasic(*EXAMPLE)
    circuit, tau = pulse.circuit, 170e-6
    s = complex(-circuit.damping_per_s, circuit.omega_per_s)
    natural = abs(s) / circuit.omega_per_s
    t = np.linspace(0, pulse.end_s, 33)
    weight = natural * np.exp(1j * circuit.phase) / (1 + tau * s)
    expected = (weight * (np.exp(s * t) - np.exp(-t / tau))).real
    np.testing.assert_allclose(pulse.membrane(t, tau), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("tau_s", [1e-9, 1e-6, 50e-6, 5e-3, 1.0])
@pytest.mark.parametrize("pulse", [Pulse.biphasic(*EXAMPLE), MONOPHASIC, Pulse.half_sine(*EXAMPLE)])
def test_no_time_has_more_than_the_extremes(pulse, tau_s):
    found = pulse.depolarisation(tau_s)
    times = np.linspace(-1e-5, pulse.end_s + 10 * min(tau_s, 1e-3), 200_001)
    v = pulse.membrane(times, tau_s)
    assert v.max() <= found.max + 1e-12
    assert v.min() >= found.min - 1e-12
    assert v.max() == pytest.approx(found.max, rel=1e-2)
    assert pulse.membrane(found.max_at_s, tau_s) == pytest.approx(found.max, rel=1e-12)
    assert pulse.membrane(found.min_at_s, tau_s) == pytest.approx(found.min, rel=1e-9, abs=1e-15)


def test_after_the_pulse_the_membrane_decays():
    end, tau = MONOPHASIC.end_s, 200e-6
    for pulse in (MONOPHASIC, Pulse.half_sine(*EXAMPLE)):
        end = pulse.end_s
        later = pulse.membrane([end, end + tau, end + 2 * tau], tau)
        np.testing.assert_allclose(later[1:] / later[0], np.exp([-1.0, -2.0]), rtol=1e-12)
        assert pulse.membrane(-1e-6, tau) == 0.0


@pytest.mark.parametrize("off", [0.0, 1e-15, 1e-9, 1e-5, 1e-2])
def test_a_rate_that_is_that_of_the_membrane_is_no_exception(off):
    tau, u = 200e-6, np.linspace(0, 1e-3, 50)
    rate = -1.0 / tau * (1.0 + off)
    piece = Exponentials(0.0, 1e-3, np.array([rate]), np.array([1.0 / rate]))
    expected = u / tau * np.exp(-u / tau) if off < 1e-12 else (np.exp(rate * u) - np.exp(-u / tau)) / -off
    atol = 1e-15 if off < 1e-12 else 1e-15 / off
    np.testing.assert_allclose(piece.membrane(u, tau, 0.0), expected, rtol=0, atol=atol)


def test_lines_between_samples_are_exact():
    rng = np.random.default_rng(5)
    times = np.sort(rng.uniform(0, 4e-4, 12))
    rates = rng.normal(size=12) * 1e8
    pulse, tau = Pulse.from_samples(times, rates), 130e-6
    v, i = 0.0, 0.0
    for k in range(11):
        span = (times[k], times[k + 1])
        shown = np.linspace(*span, 9)
        found = solve_ivp(
            lambda t, y: [(np.interp(t, times, rates) - y[0]) / tau, np.interp(t, times, rates)],
            span,
            [v, i],
            t_eval=shown,
            rtol=1e-12,
            atol=1e-6,
            method="DOP853",
        ).y
        np.testing.assert_allclose(pulse.didt_peak * pulse.membrane(shown, tau), found[0], rtol=0, atol=1e-1)
        np.testing.assert_allclose(pulse.current(shown), found[1], rtol=0, atol=1e-5)
        v, i = found[:, -1]
    dense = np.linspace(times[0], times[-1] + 1e-4, 400_001)
    for method, most, least in (
        (pulse.current, pulse.current_max, pulse.current_min),
        (pulse.didt, pulse.didt_max, pulse.didt_min),
    ):
        shown = method(dense[dense <= times[-1]])
        assert (shown.max(), shown.min()) == (pytest.approx(most, rel=1e-3), pytest.approx(least, rel=1e-3))
        assert shown.max() <= most * (1 + 1e-12)
        assert shown.min() >= least * (1 + 1e-12)
    found = pulse.depolarisation(tau)
    shown = pulse.membrane(dense, tau)
    assert shown.max() == pytest.approx(found.max, rel=1e-7)
    assert shown.min() == pytest.approx(found.min, rel=1e-7)
    square = np.trapezoid(pulse.current(dense) ** 2, dense)
    assert pulse.current_squared_a2s == pytest.approx(square, rel=1e-5)


def test_samples_of_a_circuit_come_close_to_it():
    pulse = Pulse.biphasic(*EXAMPLE)
    times = np.linspace(0, pulse.end_s, 3001)
    for kind, values, off in (("didt", pulse.didt(times), 1e-6), ("current", pulse.current(times), 1e-3)):
        lines = Pulse.from_samples(times, values, kind)
        assert lines.current_max == pytest.approx(pulse.current_max, rel=1e-6)
        assert lines.didt_max == pytest.approx(pulse.didt_max, rel=off)
        assert lines.depolarisation().min == pytest.approx(pulse.depolarisation().min, rel=off)
        assert lines.current_squared_a2s == pytest.approx(pulse.current_squared_a2s, rel=1e-6)


def test_a_rectangle_responds_as_lapicque_says():
    tau = 200e-6
    for width in (30e-6, 60e-6, 120e-6):
        pulse = Pulse.from_samples([0, width], [0, 5e3], "current")
        assert 1 / pulse.depolarisation(tau).max == pytest.approx(lapicque(width, 1.0, tau), rel=1e-12)


def test_strength_duration_has_the_printed_values():
    np.testing.assert_allclose(
        lapicque([30e-6, 60e-6, 120e-6], 1, 200e-6), [7.1792, 3.8583, 2.2164], atol=5e-5
    )
    assert lapicque(chronaxie_s(200e-6), 60.0, 200e-6) == pytest.approx(120.0, rel=1e-12)
    assert weiss(200e-6, 60.0, 200e-6) == pytest.approx(120.0, rel=1e-12)
    expected = {"motor_pa": 230.9, "motor_ap": 294.2, "ulnar_nerve": 197, "start": 200}
    assert {name: round(1e6 * time_constant_s(name), 6) for name in expected} == expected
    entries = published()["strength_duration"]
    assert [entries[name]["std_us"] for name in ("motor_pa", "motor_ap", "ulnar_nerve")] == [97.2, 90.9, 47]
    assert [name for name, entry in entries.items() if entry["from_memory"]] == [
        "customary_low",
        "customary_high",
    ]


def test_what_is_from_memory_says_so():
    with pytest.warns(UserWarning, match="'customary_low' of strength_duration is from memory, not compared"):
        assert time_constant_s("customary_low") == pytest.approx(150e-6)


def test_time_constants_of_ones_own(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(
        '{"strength_duration": {"mine": {"tau_us": 180, "source": "our lab"}, "bad": {"source": "x"}}}'
    )
    tables = hf.read_tables(file)
    assert time_constant_s("mine", tables) == pytest.approx(180e-6)
    with pytest.raises(hf.DoseError, match="'bad' of strength_duration has no tau_us"):
        time_constant_s("bad", tables)
    with pytest.raises(
        hf.DoseError, match="no 'motor_pq' in the table strength_duration, did you mean 'motor_p"
    ):
        time_constant_s("motor_pq")
    with pytest.raises(hf.ArgumentError, match="PublishedTables"):
        time_constant_s("start", {"strength_duration": {}})


@pytest.mark.parametrize("law", [lapicque, weiss])
@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((0.0, 1, 2e-4), "width_s must lie between 1e-09 and 1000 s, not 0"),
        (([1e-4, -1e-4], 1, 2e-4), "width_s"),
        ((np.nan, 1, 2e-4), "width_s"),
        ((1e-4, 0, 2e-4), "rheobase"),
        ((1e-4, 1, -2e-4), "tau_s"),
        ((1e-4, 1, 200), "tau_s = 200 must lie between 1e-09 and 1 s; 200e-6 is usual"),
    ],
)
def test_impossible_strengths_and_durations_are_refused(law, arguments, match):
    with pytest.raises(hf.DoseError, match=match):
        law(*arguments)


def test_equal_outputs_of_the_same_pulse_are_equal():
    pulse = Pulse.biphasic(*EXAMPLE)
    assert equivalent_mso(37.5, pulse, pulse) == pytest.approx(37.5, rel=1e-14)
    assert equivalent_mso(30, pulse, pulse.scaled(80e6)) == pytest.approx(60, rel=1e-12)
    assert equivalent_mso(30, pulse, pulse, field=2e-6, other_field=1.5e-6) == pytest.approx(40, rel=1e-12)
    for one in ({"field": 2e-6}, {"other_field": 2e-6}):
        with pytest.raises(hf.DoseError, match="field and other_field"):
            equivalent_mso(30, pulse, pulse, **one)


def test_equivalent_outputs_depolarise_alike():
    one, other = Pulse.published("magpro_x100_mcf_b65"), MONOPHASIC
    for phase in ("either", "first", "second"):
        mso = equivalent_mso(25, one, other, tau_s=150e-6, phase=phase, field=1.1, other_field=0.9)
        strength = []
        for pulse, percent, field in ((one, 25, 1.1), (other, mso, 0.9)):
            v = (
                pulse.didt_peak
                * pulse.membrane(np.linspace(0, 1e-3, 100_001), 150e-6)
                * field
                * percent
                / 100
            )
            strength.append({"either": abs(v).max(), "first": v.max(), "second": -v.min()}[phase])
        assert strength[1] == pytest.approx(strength[0], rel=1e-6)


def test_a_biphasic_pulse_acts_in_its_second_half_and_the_other_way():
    found = Pulse.biphasic(*EXAMPLE).depolarisation()
    assert found.of_phase("either") == found.of_phase("second") == -found.min > found.of_phase("first")
    turned = Pulse.biphasic(*EXAMPLE).reversed().depolarisation()
    for phase in ("either", "first", "second"):
        assert turned.of_phase(phase) == pytest.approx(found.of_phase(phase), rel=1e-12)
    assert MONOPHASIC.depolarisation().of_phase("either") == MONOPHASIC.depolarisation().of_phase("first")


def test_outputs_that_there_are_not_are_refused():
    pulse = Pulse.biphasic(*EXAMPLE)
    weak = Pulse.damped_cosine(pulse.period_s, pulse.damping_per_s, 80e6, name="weak")
    with pytest.raises(hf.DoseError, match=r"'weak' takes 125 %MSO, 25 more than the stimulator has"):
        equivalent_mso(62.5, pulse, weak)
    for mso in (0, -1, 100.5, np.nan):
        with pytest.raises(hf.DoseError, match="MSO"):
            equivalent_mso(mso, pulse, pulse)
    with pytest.raises(hf.ArgumentError, match="either, first, second, not 'third'"):
        equivalent_mso(50, pulse, pulse, phase="third")
    for name in ("field", "other_field"):
        with pytest.raises(hf.DoseError, match=f"{name} must be more than 0"):
            equivalent_mso(50, pulse, pulse, **{"field": 1.0, "other_field": 1.0, name: 0.0})
    shape = Pulse.from_waveform(hf.Waveform([0, 1e-5, 2e-5], [0, 1, 0]))
    with pytest.raises(hf.DoseError, match="has a shape only; give didt_max"):
        equivalent_mso(50, pulse, shape)
    with pytest.raises(hf.DoseError, match="must be Pulse, not str"):
        equivalent_mso(50, pulse, "biphasic")
    one_way = Pulse.from_samples([0, 1e-5, 2e-5], [0, 1e8, 0])
    with pytest.raises(hf.DoseError, match="depolarises nothing in the direction of its second phase"):
        equivalent_mso(50, pulse, one_way, phase="second")
