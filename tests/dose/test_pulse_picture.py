# SPDX-License-Identifier: BSD-3-Clause
"""The picture of a pulse: what is in it, in which units, and what is refused."""

import sys

import numpy as np
import pytest

import headfield as hf
from headfield.dose import Pulse

PULSE = Pulse.monophasic(20e-3, 10e-6, 200e-6, 1600.0, diode_ohm=0.15)


def lines_of(axes):
    return {line.get_label(): line.get_xydata() for line in axes.get_lines()}


def test_the_picture_shows_the_pulse():
    figure = PULSE.plot(tau_s=150e-6)
    drive, membrane, current = figure.axes
    t, didt = lines_of(drive)["dI/dt, and E"].T
    np.testing.assert_allclose(1e6 * didt, PULSE.didt(1e-6 * t), atol=1e6)
    assert didt.max() == pytest.approx(160.0)
    assert didt.min() == pytest.approx(-70.523, abs=0.01)
    t, amperes = lines_of(current)["current"].T
    np.testing.assert_allclose(1e3 * amperes, PULSE.current(1e-6 * t), atol=1.0)
    t, v = membrane.get_lines()[0].get_xydata().T
    found = PULSE.depolarisation(150e-6)
    assert (v.max(), v.min()) == (pytest.approx(found.max, rel=1e-4), pytest.approx(found.min, rel=1e-4))
    assert (drive.get_ylabel(), current.get_ylabel()) == ("dI/dt (A/µs)", "current (kA)")
    assert membrane.get_title() == "membrane with τ = 150 µs"
    assert figure.get_suptitle() == "monophasic, 1204.4 µs, dI/dt 160.0 to −70.5 A/µs, 6.68 kA"


def test_a_shape_has_no_current():
    times = np.linspace(-1e-5, 3e-4, 400)
    signal = np.where(times > 0, np.cos(2e4 * times), 0)
    figure = Pulse.from_waveform(hf.Waveform(times, signal, name="shape")).plot()
    assert len(figure.axes) == 2
    assert figure.axes[0].get_ylabel() == "dI/dt (share of the most)"
    assert figure.get_suptitle() == "'shape': recorded, 310.0 µs, normalised"


def test_pictures_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._DPI", 60)
    PULSE.write_picture(tmp_path / "pulse.png")
    assert (tmp_path / "pulse.png").stat().st_size > 5_000
    with pytest.raises(hf.FileFormatError, match=r"\.png, \.pdf, \.svg"):
        PULSE.write_picture(tmp_path / "pulse.bmp")
    with pytest.raises(hf.DoseError, match="tau_s"):
        PULSE.plot(tau_s=-1)


def test_without_matplotlib_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(hf.MissingPackageError, match="matplotlib"):
        PULSE.plot()
