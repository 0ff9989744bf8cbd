# SPDX-License-Identifier: BSD-3-Clause
"""Recorded pulses: .tsv and .tcd files, the function behind a fit, printed values of such files."""

import time
import warnings

import numpy as np
import pytest
from given.fuzz import mutated

import headfield as hf
from headfield.dose import Pulse, read_pulse
from headfield.dose.pulses.recorded import damped_cosine_of
from headfield.io.published import published

ALPHA, OMEGA = 1000.0, 22340.0
TIMES = 1e-7 * np.arange(-200, 3000)
INSIDE = (TIMES > 5e-8) & (TIMES < 2.8125e-4)
FIT = np.where(INSIDE, np.exp(-ALPHA * TIMES) * np.cos(OMEGA * TIMES + 0.04), 0.0)
MEASURED = FIT + 2e-3 * np.random.default_rng(0).normal(size=len(FIT))
# As printed in the table, µs: the largest integral of the fit, of samples every 0.1 µs whose first is 0.
LARGEST_US = {
    "magpro_x100_mcf_b65": 45.26,
    "magpro_x100_cool_b65": 43.63,
    "magstim_rapid_d70": 49.72,
    "magstim_rapid_dcc": 52.56,
    "duomag_xt_70bf": 50.09,
}


def table(columns, header="# Time\tRapid\tRapid_fit"):
    rows = ("\t".join(f"{value:.18e}" for value in row) for row in zip(*columns, strict=True))
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def tsv(tmp_path):
    def write(text=None, name="pulse.tsv"):
        path = tmp_path / name
        content = table((TIMES, MEASURED, FIT)) if text is None else text
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_fit_becomes_the_function_that_it_is_of(tsv):
    pulse = read_pulse(tsv(), didt_max="120 A/µs")
    assert pulse.name == "Rapid"
    assert pulse.damping_per_s == pytest.approx(ALPHA, rel=1e-9)
    assert pulse.period_s == pytest.approx(2 * np.pi / OMEGA, rel=1e-11)
    assert (pulse.start_s, pulse.end_s) == (pytest.approx(0, abs=1e-12), pytest.approx(281.2e-6, abs=1e-12))
    at = np.linspace(0, 2.8e-4, 1001)
    expected = 120e6 * np.exp(-ALPHA * at) * np.cos(OMEGA * at + 0.04)
    np.testing.assert_allclose(pulse.didt(at), expected, rtol=0, atol=1e-1)
    assert pulse.current(0.0) == pytest.approx(0.0, abs=1e-9)
    s = complex(-ALPHA, OMEGA)
    current = (120e6 * np.exp(0.04j) * np.expm1(s * at) / s).real
    np.testing.assert_allclose(pulse.current(at), current, rtol=0, atol=1e-7)


def test_what_was_measured_stays_as_it_was_when_asked_for(tsv):
    pulse = read_pulse(tsv(), didt_max=120e6, use_fit=False)
    np.testing.assert_allclose(pulse.didt(TIMES), 120e6 * MEASURED, rtol=1e-9, atol=1e-3)
    assert pulse.didt_max == pytest.approx(120e6 * MEASURED.max(), rel=1e-12)
    exact = np.concatenate([[0], np.cumsum(0.5 * (MEASURED[1:] + MEASURED[:-1]) * np.diff(TIMES))])
    np.testing.assert_allclose(pulse.current(TIMES), 120e6 * exact, rtol=0, atol=1e-6)
    assert pulse.period_s is None
    with pytest.raises(hf.DoseError, match="no period and no damping"):
        _ = pulse.lc_s2


def test_a_fit_that_is_no_damped_cosine_stays_lines(tsv):
    other = FIT + np.where(FIT != 0, 1e-6 * np.sin(1e6 * TIMES), 0)
    assert damped_cosine_of(TIMES, other) is None
    pulse = read_pulse(tsv(table((TIMES, MEASURED, other))), didt_max=1e8)
    np.testing.assert_allclose(pulse.didt(TIMES), 1e8 * other, rtol=1e-9, atol=1e-3)
    for values in (np.exp(-ALPHA * TIMES), FIT[201:], np.where(FIT, np.exp(-ALPHA * TIMES), 0), FIT**2):
        assert damped_cosine_of(TIMES[-len(values) :], values) is None


def test_without_a_scale_only_the_shape_is_known(tsv):
    pulse = read_pulse(tsv())
    assert pulse.normalised
    assert repr(pulse) == "<Pulse 'Rapid': recorded, 281.2 µs, normalised>"
    scaled = pulse.scaled("120 A/µs")
    assert not scaled.normalised
    assert scaled.didt_peak == pytest.approx(120e6)
    assert scaled.depolarisation() == pulse.depolarisation().__class__(
        *(pytest.approx(v) for v in (200e-6, *_extremes(pulse), 120e6)), True
    )


def _extremes(pulse):
    found = pulse.depolarisation()
    return found.max, found.max_at_s, found.min, found.min_at_s


def test_the_scale_is_that_of_the_coil(tsv):
    coil = hf.figure_of_eight(spacing_mm=8, didt_max=150e6)
    assert read_pulse(tsv(), coil=coil).didt(1e-9) == pytest.approx(150e6 * np.cos(0.04), rel=1e-4)
    assert read_pulse(tsv(), coil=coil, didt_max=1e8).didt(1e-9) == pytest.approx(
        1e8 * np.cos(0.04), rel=1e-4
    )
    with pytest.raises(hf.DoseError, match="does not say its largest dI/dt: give didt_max"):
        read_pulse(tsv(), coil=hf.figure_of_eight(spacing_mm=8))
    with pytest.raises(hf.DoseError, match="stimulator = 1 must be a whole number from 0 to 0"):
        read_pulse(tsv(), coil=coil, stimulator=1)
    with pytest.raises(hf.DoseError, match="coil must be a Coil, not str"):
        read_pulse(tsv(), coil="MCF-B65")


def test_one_of_several_waveforms(tsv):
    path = tsv(table((TIMES, MEASURED, FIT, 0.5 * FIT), "# Time\tA\tA_fit\tB"))
    assert read_pulse(path).name == read_pulse(path, waveform="A").name == "A"
    assert read_pulse(path, waveform=1).name == read_pulse(path, waveform="B").name == "B"
    assert read_pulse(path, waveform="B").didt_max == pytest.approx(0.5 * FIT.max())
    with pytest.raises(hf.DoseError, match="there is no waveform 'C'; there: A, B"):
        read_pulse(path, waveform="C")
    with pytest.raises(hf.DoseError, match="waveform = 2 must be a whole number from 0 to 1"):
        read_pulse(path, waveform=2)


def test_waveforms_of_a_coil_file(tmp_path):
    waves = (hf.Waveform(TIMES, MEASURED, FIT, "first"), hf.Waveform(TIMES, MEASURED, name="second"))
    coil = hf.Coil([[0, 0, -5]], [[0, 0, 1e-3]]).content(stimulators=(hf.Stimulator("one", "", 2e8, waves),))
    hf.write_coil(tmp_path / "coil.tcd", hf.Coil.of(coil))
    pulse = read_pulse(tmp_path / "coil.tcd")
    assert (pulse.name, pulse.damping_per_s) == ("first", pytest.approx(ALPHA, rel=1e-9))
    assert pulse.didt_max == pytest.approx(2e8 * np.cos(0.04), rel=1e-3)
    second = read_pulse(tmp_path / "coil.tcd", waveform="second", didt_max=1e8)
    assert second.didt_max == pytest.approx(1e8 * MEASURED.max())
    bare = coil.content(stimulators=(hf.Stimulator(),))
    hf.write_coil(tmp_path / "bare.tcd", hf.Coil.of(bare))
    with pytest.raises(hf.DoseError, match=r"bare\.tcd: stimulator 0 has no waveform"):
        read_pulse(tmp_path / "bare.tcd")


HEAD = "# Time\tA\tA_fit\n"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "no line '# Time<tab>NAME'"),
        ("0\t1\t2\n", "line 1: numbers before a line"),
        ("# A\tTime\n0\t1\n", "line 1: the first column must be Time, not 'A'"),
        ("# Time\tA\tA\n", "line 1: each column needs a name of its own"),
        ("# Time\t\n0\t1\n", "line 1: each column needs a name"),
        (HEAD, "0 rows of samples"),
        (HEAD + "0\t1\t1\n", "1 rows of samples"),
        (HEAD + "0\t1\t1\n1e-6\t1\n", "line 3: 2 values for 3 columns"),
        (HEAD + "0\t1\t1\n1e-6\tx\t1\n", "line 3, A: 'x' is not a number"),
        (HEAD + "0\t1\t1\n1e-6\t1\tnan\n", "line 3, A_fit: nan is not finite"),
        (HEAD + "0\t1\t1\n\n0\t1\t1\n", r"line 4: the time 0 s is not after 0 s"),
        (HEAD + "0\t0\t0\n1e-6\t0\t0\n", "all 2 values of waveform are 0: no pulse"),
        (HEAD + "0\t1\t1\n1e-6\t1e300\t1e300\n", r"dI/dt of 1e\+300 A/s, above 1e\+12"),
        (HEAD + "0\t1\t1\n1e6\t1\t1\n", r"time_s reaches 1e\+06: it must be in seconds"),
        (b"# Time\tA\n0\t\xff\n", "not UTF-8"),
        (b"\x00\x01\x02\xff" * 50, "pulse.tsv"),
    ],
)
def test_damaged_tables_are_refused(tsv, text, match):
    with pytest.raises(hf.DoseError, match=match) as said:
        read_pulse(tsv(text))
    assert "pulse.tsv" in str(said.value)


def test_files_of_other_kinds_are_refused(tmp_path, tsv):
    for name in ("pulse.csv", "pulse"):
        with pytest.raises(hf.FileFormatError, match=r"read from \.tsv and \.tcd"):
            read_pulse(tsv(name=name))
    with pytest.raises(hf.FileFormatError, match="not a regular file"):
        read_pulse(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_pulse(tmp_path / "none.tsv")
    (tmp_path / "damaged.tcd").write_text("{")
    with pytest.raises(hf.CoilError, match=r"damaged\.tcd"):
        read_pulse(tmp_path / "damaged.tcd")


def test_mutated_files_end_soon_in_a_pulse_or_a_typed_error(tsv):
    seed = table((TIMES[190:240], MEASURED[190:240], FIT[190:240])).encode()
    random, refused = np.random.default_rng(7), 0
    for _ in range(300):
        path = tsv(mutated(seed, random))
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", hf.PlausibilityWarning)
                read_pulse(path).depolarisation()
        except hf.HeadfieldError:
            refused += 1
        assert time.perf_counter() - start < 5.0
    assert refused > 100


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([0, 1e-5], [0, 1e8], "field"), hf.ArgumentError, "'didt' or 'current', not 'field'"),
        (([0, 1e-5], [0, 1e8, 0]), hf.DoseError, r"not \(2,\) and \(3,\)"),
        (([0], [1e8]), hf.DoseError, "2 to 1,000,000 samples"),
        (([0, 0], [1e8, 0]), hf.DoseError, "sample 1 is at 0 s, that before at 0"),
        (([0, 1e-320], [1, 2]), hf.DoseError, "ascend by 1e-12 s or more"),
        (([0, 1e-5], [np.nan, 0]), hf.DoseError, "not finite"),
        (([0, 1e-5], [0, 0]), hf.DoseError, "all 2 values"),
        (([0, 1e-5], [5, 5], "current"), hf.DoseError, "same in all samples"),
        (([0, 1e-5], [0, 1e13]), hf.DoseError, "above 1e"),
        (([0, 0.1], [1e8, 0]), None, None),
        (([0, 2000], [1e8, 0]), hf.DoseError, "must be in seconds"),
        (([0, 300], [1e8, 0]), hf.DoseError, r"spans 300 s, .* is it in seconds\?"),
        (([-0.05, 0.25], [1e8, 0]), hf.DoseError, r"spans 0\.3 s"),
    ],
)
def test_samples_that_are_no_pulse_are_refused(arguments, error, match):
    if error is None:
        assert Pulse.from_samples(*arguments).didt_max == 1e8
        return
    with pytest.raises(error, match=match):
        Pulse.from_samples(*arguments)


def test_only_a_waveform_is_one():
    with pytest.raises(hf.DoseError, match="must be a Waveform of a stimulator, not list"):
        Pulse.from_waveform([0, 1])


@pytest.mark.parametrize("name", LARGEST_US)
def test_published_pulses_have_the_printed_currents(name):
    pulse = Pulse.published(name)
    assert published()["stimulators"][name]["peak_current_over_didt_max_us"] == LARGEST_US[name]
    # As files sample it: from 0.1 µs on, so that a line leads there from 0.
    times = 1e-7 * np.arange(0, round(1e7 * pulse.end_s) + 1)
    samples = np.where(times > 0, pulse.didt(times) / pulse.didt_max, 0.0)
    lines = Pulse.from_samples(times, 1e6 * samples)
    assert lines.current_max == pytest.approx(LARGEST_US[name], abs=6e-3)
    # The function itself has half a step more.
    assert pulse.current_max / pulse.didt_max == pytest.approx(1e-6 * (LARGEST_US[name] + 0.05), rel=2e-4)


def test_the_table_of_stimulators():
    entries = published()["stimulators"]
    mcf = entries["magpro_x100_mcf_b65"]
    assert (mcf["didt_max_a_per_us"], mcf["didt_displayed_a_per_us"]) == (147.86, 151)
    assert Pulse.published("magpro_x100_mcf_b65").lc_s2 == pytest.approx(2.31435e-9, abs=5e-15)
    for name, entry in entries.items():
        assert entry["source"]
        if not entry["from_memory"]:
            pulse = Pulse.published(name)
            assert 1e-6 * pulse.didt_max == pytest.approx(entry["didt_max_a_per_us"])
            assert 1e6 * pulse.duration_s == pytest.approx(entry["period_us"])
            assert pulse.damping_per_s == pytest.approx(entry["damping_per_s"])
    with pytest.raises(hf.DoseError, match="'magstim_200_2_70mm' of stimulators has no period_us"):
        Pulse.published("magstim_200_2_70mm")
    with pytest.raises(hf.DoseError, match="no 'magpro_x100' in the table stimulators, did you mean"):
        Pulse.published("magpro_x100")


def test_stimulators_of_ones_own(tmp_path):
    values = (
        '"period_us": 250, "damping_per_s": 900, "didt_max_a_per_us": 120, "stimulator": "S", "coil": "C"'
    )
    (tmp_path / "mine.json").write_text(
        f'{{"stimulators": {{"mine": {{{values}, "source": "we"}}, "bad": {{{values.replace("250", "-1")}, '
        '"source": "we"}}}'
    )
    tables = hf.read_tables(tmp_path / "mine.json")
    assert repr(Pulse.published("mine", tables)).startswith("<Pulse 'S, C': biphasic, 250.0 µs, dI/dt 120.0")
    with pytest.raises(hf.DoseError, match="period_us of 'bad' in stimulators = -1"):
        Pulse.published("bad", tables)


@pytest.fixture(scope="module")
def recorded(shared_data):
    path = shared_data / "coils" / "MagVenture_MCF-B65.tsv"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return path


def test_the_recorded_file_has_the_printed_values(recorded):
    pulse = read_pulse(recorded, coil=hf.read_coil(recorded.with_suffix(".ccd")))
    assert 1e6 * pulse.period_s == pytest.approx(302.50, abs=5e-3)
    assert pulse.damping_per_s == pytest.approx(811.8, abs=5e-2)
    assert 1e-6 * pulse.didt_max == pytest.approx(147.86, abs=5e-3)
    assert pulse.lc_s2 == pytest.approx(2.31435e-9, abs=5e-15)
    for tau_s, most, least in ((200e-6, 0.183768, -0.217615), (150e-6, 0.230721, -0.284190)):
        found = pulse.depolarisation(tau_s)
        assert (found.max, found.min) == (pytest.approx(most, abs=5e-7), pytest.approx(least, abs=5e-7))
    found = pulse.depolarisation(200e-6)
    assert 1e6 * found.max_at_s == pytest.approx(64.37, abs=5e-3)
    assert 1e6 * found.min_at_s == pytest.approx(212.41, abs=5e-3)
    columns = np.loadtxt(recorded)
    lines = Pulse.from_samples(columns[:, 0], 1e6 * columns[:, 2])
    assert lines.current_max == pytest.approx(45.26, abs=5e-3)


def test_the_recorded_file_as_it_was_measured(recorded):
    pulse = read_pulse(recorded, use_fit=False)
    assert pulse.didt_max == pytest.approx(1.0137, abs=5e-5)
    assert 1e6 * pulse.didt_max_at_s == pytest.approx(1.5, abs=1e-6)
    assert (1e6 * pulse.start_s, 1e6 * pulse.end_s) == (pytest.approx(-20), pytest.approx(500))
    assert len(pulse.pieces[0].times_s) == 5201
    fit = read_pulse(recorded)
    assert pulse.didt_peak * pulse.depolarisation().max == pytest.approx(fit.depolarisation().max, rel=0.01)


def test_a_recorded_coil_file(shared_data):
    path = shared_data / "coils" / "MagVenture_MST-Twin.tcd"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    pulse = read_pulse(path)
    assert pulse.name == "MagPro_XP"
    assert pulse.didt(1e-7) == pytest.approx(200.08e6 * 0.9869, rel=1e-3)
    wave = hf.read_coil(path).stimulators[0].waveforms[0]
    there = wave.fit != 0
    np.testing.assert_allclose(pulse.didt(wave.time_s[there]), 200.08e6 * wave.fit[there], rtol=0, atol=1e-2)
