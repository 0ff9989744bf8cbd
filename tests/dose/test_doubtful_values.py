# SPDX-License-Identifier: BSD-3-Clause
"""Shares for percent, A/µs for A/s, and text for True or False: warned of, or refused."""

import warnings

import numpy as np
import pytest

from headfield import PlausibilityWarning, dose
from headfield.dose import Pulse, didt_of_mso, equivalent_mso, heating, mso_of_didt
from headfield.errors import ArgumentError, DoseError

CIRCUIT = (20e-3, 10e-6, 200e-6, 1600)
PULSE = Pulse.biphasic(*CIRCUIT)
TIMES = np.linspace(0, 3e-4, 31)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: didt_of_mso(0.6, 150e6), 0.9e6),
        (lambda: didt_of_mso([0.0, 0.6], 150e6)[1], 0.9e6),
        (lambda: equivalent_mso(0.5, PULSE, PULSE), 0.5),
        (lambda: heating(PULSE, 10, mso=0.6).energy_per_pulse_j, 0.006**2 * PULSE.loss_j),
    ],
)
def test_shares_of_the_output(call, expected):
    with pytest.warns(PlausibilityWarning, match=r"mso = 0\.\d is less than 1 %: 60 % is 60, not 0.6"):
        assert call() == pytest.approx(expected)


def test_percentages_that_are_meant():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert didt_of_mso(0, 150e6) == 0
        assert didt_of_mso([0.5, 50.0], 150e6)[0] == pytest.approx(0.75e6)
        strong = Pulse.biphasic(*CIRCUIT[:3], 160000)
        assert equivalent_mso(1, PULSE, strong) == pytest.approx(0.01)  # what comes out may be so little
        assert mso_of_didt([0.0, -90e6], 150e6)[1] == pytest.approx(60)
        assert mso_of_didt("0.005 A/µs", 150e6) == pytest.approx(1 / 300)
        assert mso_of_didt(0, 150e6) == 0


@pytest.mark.parametrize("didt", [90, [0.0, -90.0]])
def test_a_per_us_for_a_per_s(didt):
    with pytest.warns(PlausibilityWarning, match=r"didt of 90 A/s: if A/µs was meant, it is '90 A/µs'"):
        assert np.max(mso_of_didt(didt, 150e6)) == pytest.approx(6e-5)


def test_samples_in_a_per_us():
    wave = 150 * np.cos(2e4 * TIMES)
    with pytest.warns(PlausibilityWarning, match="didt of 150 A/s: if A/µs was meant"):
        slow = Pulse.from_samples(TIMES, wave)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Pulse.from_samples(TIMES, 1e6 * wave).didt_peak == pytest.approx(1e6 * slow.didt_peak)
        Pulse.from_samples(TIMES, 150 * np.sin(2e4 * TIMES), "current")  # 3 A/µs


def test_a_share_for_a_percentile():
    E = [[0, 0, 60.0], [0, 0, 40.0]]
    with pytest.warns(PlausibilityWarning, match=r"measure = 0.95 is less than one in a hundred"):
        found = dose.factor_from_motor_threshold(E, 100.0, rule="magnitude", measure=0.95)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dose.factor_from_motor_threshold(E, 100.0, rule="magnitude", measure=95) < found


@pytest.mark.parametrize("value", ["no", 0, None])
def test_true_or_false(value):
    from headfield.coils.parts import Waveform

    with pytest.raises(ArgumentError, match=f"thyristor must be True or False, not {value!r}"):
        Pulse.monophasic(*CIRCUIT, diode_ohm=0.15, thyristor=value)
    waveform = Waveform(TIMES, np.cos(2e4 * TIMES))
    with pytest.raises(ArgumentError, match=f"use_fit must be True or False, not {value!r}"):
        Pulse.from_waveform(waveform, use_fit=value)
    assert Pulse.from_waveform(waveform, use_fit=np.bool_(False)).normalised


def test_an_entry_of_a_stimulator_without_names(tmp_path):
    import headfield as hf

    path = tmp_path / "t.json"
    for left in ('"coil": "mine"', '"stimulator": "mine"', '"stimulator": 3, "coil": "mine"'):
        path.write_text(
            '{"stimulators": {"mine": {"period_us": 300, "damping_per_s": 800, "didt_max_a_per_us": 150, '
            f'"source": "own", {left}}}}}}}'
        )
        with pytest.raises(DoseError, match=r"'mine' of stimulators has no text '(coil|stimulator)'"):
            Pulse.published("mine", hf.read_tables(path))
