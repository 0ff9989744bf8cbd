# SPDX-License-Identifier: BSD-3-Clause
"""dI/dt and percentages of the output, for coils, stimulators, pulses and plain numbers."""

import numpy as np
import pytest

import headfield as hf
from headfield.dose import Pulse, didt_at_full_output, didt_of_mso, mso_of_didt

TWO = hf.Coil(
    elements=[hf.CoilElement(hf.Dipoles([[40.0 * k, 0, -5.0]], [[0, 0, 1e-3]]), k) for k in range(2)],
    stimulators=[hf.Stimulator("a", didt_max=122.22e6), hf.Stimulator("b")],
)
PULSE = Pulse.published("magpro_x100_mcf_b65")


@pytest.mark.parametrize(
    "coil",
    [147.86e6, "147.86 A/µs", "0.14786kA/us", hf.Stimulator("x", didt_max=147.86e6), PULSE, PULSE.reversed()],
)
def test_whatever_knows_the_full_output(coil):
    assert didt_at_full_output(coil) == pytest.approx(147.86e6, rel=1e-12)
    assert didt_of_mso(50, coil) == pytest.approx(73.93e6, rel=1e-12)
    assert mso_of_didt("73.93 A/µs", coil) == pytest.approx(50.0, rel=1e-12)
    assert mso_of_didt("60 %MSO", coil) == pytest.approx(60.0, rel=1e-12)


def test_coils_have_one_for_each_stimulator():
    assert didt_of_mso(100, TWO) == didt_of_mso(100, TWO, 0) == 122.22e6
    with pytest.raises(hf.DoseError, match="does not say its dI/dt at 100 %MSO"):
        didt_of_mso(100, TWO, 1)
    with pytest.raises(hf.DoseError, match="stimulator = 2 must be a whole number from 0 to 1"):
        didt_of_mso(100, TWO, 2)
    shape = Pulse.from_waveform(hf.Waveform([0, 1e-5, 2e-5], [0, 1, 0]))
    for unknown in (hf.Stimulator("x"), shape, hf.figure_of_eight(spacing_mm=8)):
        with pytest.raises(hf.DoseError, match="does not say"):
            didt_at_full_output(unknown)


def test_arrays_go_both_ways():
    mso = np.linspace(0, 100, 21).reshape(3, 7)
    didt = didt_of_mso(mso, 150e6)
    assert didt.shape == (3, 7)
    np.testing.assert_allclose(mso_of_didt(didt, 150e6), mso, rtol=1e-14, atol=1e-13)
    np.testing.assert_allclose(mso_of_didt(-didt, 150e6), mso, rtol=1e-14, atol=1e-13)
    assert isinstance(didt_of_mso(60, 150e6), float)
    assert isinstance(mso_of_didt(9e7, 150e6), float)
    assert mso_of_didt("75A/us,150A/us", 150e6).tolist() == [50.0, 100.0]


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: didt_of_mso(104, 1e8), hf.DoseError, "104 %MSO is 4 more than the stimulator has"),
        (lambda: didt_of_mso([50, -1], 1e8), hf.DoseError, "-1 %MSO is below 0"),
        (lambda: didt_of_mso(np.nan, 1e8), hf.DoseError, "mso"),
        (lambda: mso_of_didt(1.5e8, 1e8), hf.DoseError, "150 %MSO is 50 more"),
        (lambda: mso_of_didt("120 %MSO", 1e8), hf.DoseError, "120 %MSO is 20 more"),
        (lambda: mso_of_didt("90 V", 1e8), hf.ArgumentError, "didt: '90 V' is neither"),
        (lambda: mso_of_didt(np.inf, 1e8), hf.DoseError, "didt"),
        (lambda: didt_of_mso(50, 0), hf.DoseError, "dI/dt at 100 %MSO must be more than 0"),
        (lambda: didt_of_mso(50, "50 %MSO"), hf.DoseError, "must be one dI/dt"),
        (lambda: didt_of_mso(50, None), hf.DoseError, "dI/dt at 100 %MSO = None"),
    ],
)
def test_outputs_that_are_not_possible_are_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()
