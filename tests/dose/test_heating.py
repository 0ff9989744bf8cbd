# SPDX-License-Identifier: BSD-3-Clause
"""Losses of pulses, mean powers, and the adiabatic rise of a coil's temperature."""

from types import SimpleNamespace

import numpy as np
import pytest

import headfield as hf
from headfield.dose import Pulse, heating

PULSE = Pulse.biphasic(20e-3, 10e-6, 200e-6, 1600.0)
ITBS = SimpleNamespace(n_pulses=600, duration_s=192.0)


def test_ten_pulses_a_second_take_the_printed_power():
    found = heating(PULSE, 10)
    assert 1e-3 * found.mean_power_w == pytest.approx(1.10, abs=5e-3)
    assert found.energy_per_pulse_j == pytest.approx(110.1426, abs=5e-5)
    assert found.n_pulses is found.energy_j is found.rise_k is found.rise_per_pulse_k is None


def test_a_protocol_has_its_own_number_and_duration():
    found = heating(PULSE, ITBS, mso=50, mass_kg=0.4, coil_share=0.6)
    assert found.n_pulses == 600
    assert found.rate_hz == pytest.approx(3.125)
    assert found.energy_j == pytest.approx(600 * 110.1426 / 4, rel=1e-6)
    assert found.mean_power_w == pytest.approx(found.energy_j / 192.0)
    assert found.rise_k == pytest.approx(600 * 0.6 * 110.1426 / 4 / (0.4 * 385.0), rel=1e-6)
    assert found.rise_k == pytest.approx(600 * found.rise_per_pulse_k)


def test_a_diode_takes_its_part_of_the_energy():
    pulse = Pulse.monophasic(20e-3, 10e-6, 200e-6, 1600.0, diode_ohm=0.15)
    found = heating(pulse, 0.2, duration_s=100)
    assert found.energy_per_pulse_j == pytest.approx(256.0)
    assert found.coil_energy_per_pulse_j == pytest.approx(20e-3 * pulse.current_squared_a2s)
    assert found.coil_energy_per_pulse_j < 0.5 * found.energy_per_pulse_j
    assert found.n_pulses == 20


def test_heat_goes_with_the_square_of_the_output():
    strengths = [heating(PULSE, 10, mso=mso).mean_power_w for mso in (20, 40, 80)]
    assert np.divide(strengths[1:], strengths[:-1]) == pytest.approx([4.0, 4.0])
    assert heating(PULSE.scaled(80e6), 10).mean_power_w == pytest.approx(
        heating(PULSE, 10, mso=50).mean_power_w
    )


def test_a_resistance_that_a_pulse_does_not_know_is_given():
    shape = Pulse.damped_cosine(PULSE.period_s, PULSE.damping_per_s, 160e6)
    assert heating(shape, 10, resistance_ohm=20e-3).mean_power_w == pytest.approx(1101.426, abs=1e-3)
    with pytest.raises(hf.DoseError, match="does not know its resistance: give resistance_ohm"):
        heating(shape, 10)


@pytest.mark.parametrize(
    ("rate", "options", "match"),
    [
        (0, {}, r"rate \(Hz\) must be more than 0"),
        (-1, {}, r"rate \(Hz\) = -1"),
        ("10 Hz", {}, r"rate \(Hz\) = '10 Hz' must be a finite number"),
        (1e308, {}, r"rate \(Hz\) must lie between 0 and 1e\+06"),
        (10, {"duration_s": 1e308}, r"duration_s must lie between 0 and 1e\+09"),
        (10, {"mass_kg": 1e-320}, "mass_kg must lie between 1e-06"),
        (10, {"mso": 101}, "heating takes 101 %MSO, 1 more than the stimulator has"),
        (10, {"mass_kg": 0}, "mass_kg must be more than 0"),
        (10, {"coil_share": 1.1}, "coil_share must lie between 0 and 1, not 1.1"),
        (10, {"mass_kg": 1, "specific_heat": -385}, "specific_heat = -385"),
        (10, {"duration_s": 0}, "duration_s must be more than 0"),
        (10, {"resistance_ohm": np.nan}, "resistance_ohm = nan"),
        (ITBS, {"duration_s": 10}, "a protocol has its own"),
        (SimpleNamespace(n_pulses=0, duration_s=1.0), {}, "n_pulses of the protocol must be more than 0"),
        (SimpleNamespace(n_pulses=1, duration_s=0.0), {}, "duration_s of the protocol must be more than 0"),
    ],
)
def test_what_is_not_possible_is_refused(rate, options, match):
    with pytest.raises(hf.DoseError, match=match):
        heating(PULSE, rate, **options)


def test_only_a_pulse_of_known_size_heats():
    with pytest.raises(hf.DoseError, match="pulse must be a Pulse, not float"):
        heating(1.0, 10)
    shape = Pulse.from_waveform(hf.Waveform([0, 1e-5, 2e-5], [0, 1, 0]))
    with pytest.raises(hf.DoseError, match="has a shape only"):
        heating(shape, 10)


def test_a_resistance_in_milliohms_is_doubted():
    pulse = hf.dose.Pulse.published("magpro_x100_mcf_b65")
    with pytest.warns(hf.PlausibilityWarning, match="20 mΩ"):
        found = heating(pulse, 10, resistance_ohm=20)
    assert found.mean_power_w == pytest.approx(1000 * heating(pulse, 10, resistance_ohm=0.02).mean_power_w)
