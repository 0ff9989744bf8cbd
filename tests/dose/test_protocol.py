# SPDX-License-Identifier: BSD-3-Clause
"""Protocols: what the published ones amount to, exact onsets, overlaps, files."""

import json
import sys
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import headfield as hf
from headfield.dose import Level, Protocol, named_protocols, protocols, read_protocol, write_protocol
from headfield.errors import ArgumentError, DoseError, FileFormatError, MissingPackageError

# Pulses, seconds to the end of the last train, % rMT, and whether the row is from memory.
TABLE = {
    "10hz_dlpfc": (3000, 2224, 120, False),
    "10hz_dlpfc_11s": (3000, 1114, 120, False),
    "itbs": (600, 192, None, False),
    "itbs_clinic": (600, 192, 120, True),
    "ctbs": (600, 40, None, False),
    "ctbs300": (300, 20, None, True),
    "imtbs": (600, 110, None, False),
    "1hz_360": (360, 360, None, True),
    "1hz_1800": (1800, 1800, None, True),
    "h1_depression": (1980, 1190, 120, True),
    "h7_ocd": (2000, 1080, None, True),
    "saint": (90_000, 4 * 86_400 + 9 * 3592 + 592, 90, False),
    "itbs_30hz": (600, 192, 90, True),
    "ctbs_30hz": (600, 40, 90, True),
}
THREE = [("pulse", 3, 0.02), ("burst", 10, 0.2), ("train", 20, 10)]


@pytest.mark.parametrize("name", TABLE)
def test_the_published_table(name):
    pulses, seconds, percent, memory = TABLE[name]
    found = protocols[name]
    assert (found.n_pulses, found.duration_s, found.percent_rmt) == (pulses, seconds, percent)
    assert found.from_memory is memory
    assert found.source
    assert ("from memory" in str(found)) is memory


def test_all_rows_are_in_the_table():
    assert set(protocols) == set(TABLE)
    assert len(protocols) == len(TABLE)


def test_saint_is_sessions_and_days():
    saint = protocols["saint"]
    assert [saint.per(name) for name in ("pulse", "train", "session", "day")] == [90_000, 3000, 50, 5]
    assert saint.per("pulse") // saint.per("session") == 1800
    assert saint.lengths_s["session"] == 592.0
    assert saint.pauses_s["session"] == 3000.0
    assert saint.inter_train_interval_s == 8.0
    with pytest.raises(ArgumentError, match="no level 'trian' of a protocol, did you mean 'train'"):
        saint.per("trian")


def test_frequencies_and_pauses_are_derived():
    assert dict(protocols["itbs"].frequencies_hz) == {"pulse": 50.0, "burst": 5.0, "train": 0.1}
    assert dict(protocols["10hz_dlpfc"].pauses_s) == {"train": 26.0}
    assert protocols["h1_depression"].frequencies_hz["pulse"] == 18.0
    assert protocols["itbs_30hz"].frequencies_hz["pulse"] == 30.0
    assert protocols["ctbs"].inter_train_interval_s is None


@pytest.mark.parametrize("name", ["itbs", "itbs_30hz", "h1_depression", "saint"])
def test_onsets_are_the_floats_nearest_to_exact_sums(name):
    found = protocols[name]
    onsets = found.onsets_s()
    steps = [Fraction(level.repetition_interval_s).limit_denominator(1000) for level in found.levels]
    counts = [level.count for level in found.levels]
    assert len(onsets) == found.n_pulses
    for i in (0, 1, 2, 3, 29, 35, 571, 599, found.n_pulses - 1):
        rest, exact = i, Fraction(0)
        for step, count in zip(steps, counts, strict=True):
            rest, digit = divmod(rest, count)
            exact += digit * step
        assert onsets[i] == float(exact)
    assert (np.diff(onsets) > 0).all()


def test_onsets_against_loops():
    loops = sorted(
        t / 100 + b / 5 + p / 50 for t, b, p in product(range(0, 20_000, 1000), range(10), range(3))
    )
    np.testing.assert_allclose(protocols["itbs"].onsets_s(), loops, rtol=1e-14)


def test_onsets_in_chunks_are_those_of_the_whole():
    saint = protocols["saint"]
    parts = [saint.onsets_s(start, start + 18_000) for start in range(0, 90_000, 18_000)]
    np.testing.assert_array_equal(np.concatenate(parts), saint.onsets_s())
    assert parts[3][0] == 3 * 86_400
    assert len(saint.onsets_s(5, 5)) == 0


def test_intervals_without_a_common_unit():
    odd = Protocol("odd", [("pulse", 1000, 0.1234567891234), ("train", 3, 1000 / 7)])
    onsets = odd.onsets_s()
    np.testing.assert_allclose(onsets[[1, 999, 2000]], [0.1234567891234, 999 * 0.1234567891234, 2000 / 7])


def test_a_long_protocol_is_taken_in_parts():
    long = Protocol("long", [("pulse", 10**6, 0.001), ("train", 10**6, 2000)])
    with pytest.raises(ArgumentError, match="1,000,000,000,000 onsets at once"):
        long.onsets_s()
    assert long.onsets_s(10**12 - 1)[0] == (10**6 - 1) * 2000 + 999.999
    with pytest.raises(ArgumentError, match="stop = 7 must be a whole number from 8"):
        long.onsets_s(8, 7)


@pytest.mark.parametrize(
    ("levels", "more", "words"),
    [
        ([("pulse", 40, 0.1), ("train", 75, 3)], {}, "a train lasts 4 s, but one begins every 3 s"),
        ([("pulse", 4, 0.02), ("burst", 9, 0.05)], {}, "a burst lasts 0.08 s, but one begins every 0.05 s"),
        ([*THREE, ("session", 2, 191)], {}, "a session lasts 192 s, but one begins every 191 s"),
        (
            [("pulse", 2, 1e-3)],
            {"pulse_duration_s": 2e-3},
            "a pulse lasts 0.002 s, but one begins every 0.001",
        ),
        ([("train", 2, 1)], {}, "the first level must be of pulses"),
        ([("pulse", 2, 1), ("train", 2, 9), ("burst", 2, 99)], {}, "a burst can't be made of trains"),
        ([("pulse", 2, 1), ("pulse", 2, 9)], {}, "a pulse can't be made of pulses"),
        ([("puls", 2, 1)], {}, "there is no level 'puls' of a protocol, did you mean 'pulse'"),
        ([("pulse", 2.5, 1)], {}, "pulse: count = 2.5 must be a whole number"),
        ([("pulse", 2, 0)], {}, "pulse: repetition interval must lie between .* not 0"),
        ([("pulse", 2, np.nan)], {}, "must be a finite number"),
        ([("pulse", 2)], {}, r"must be \(name, count, repetition_interval_s\)"),
        (7, {}, r"must be \(name, count, repetition_interval_s\)"),
        ([], {}, "the first level must be of pulses"),
        (THREE, {"percent_rmt": -1}, "percent_rmt"),
        (THREE, {"intensity": 80}, "intensity of a protocol must be text"),
        (THREE, {"from_memory": 1}, "from_memory of a protocol must be True or False"),
    ],
)
def test_what_can_not_be_is_refused(levels, more, words):
    with pytest.raises(DoseError, match=words):
        Protocol("mine", levels, **more)


def test_what_just_fits_is_taken():
    touching = Protocol(
        "mine", [("pulse", 10, 0.1), ("train", 3, 1.0), ("session", 2, 3.0)], pulse_duration_s=0.1
    )
    assert touching.duration_s == 6.0
    assert touching.inter_train_interval_s == 0.0


@pytest.mark.parametrize("name", TABLE)
def test_round_trip(name):
    assert read_protocol(protocols[name].to_dict()) == protocols[name]
    assert read_protocol(json.loads(json.dumps(protocols[name].to_dict()))) == protocols[name]


@pytest.mark.parametrize("ending", [".json", ".yaml", ".yml"])
def test_files(tmp_path, ending):
    if ending != ".json":
        pytest.importorskip("yaml", reason="needs PyYAML")
    path = tmp_path / f"mine{ending}"
    mine = Protocol("mine", THREE, "80 % aMT", pulse_duration_s=2.8e-4, about="örtlich")
    write_protocol(mine, path)
    assert read_protocol(path) == mine


def test_yaml_as_people_write_it(tmp_path):
    pytest.importorskip("yaml", reason="needs PyYAML")
    path = tmp_path / "quad.yaml"
    path.write_text(
        "pulse_repetition_interval: 0.005\npulse_train_duration: 0.02   # four pulses\n"
        "pulse_train_repeat_interval: 5\npulse_train_repeat_duration: 1800\nintensity: 90 % aMT\n"
    )
    found = read_protocol(path)
    assert (found.name, found.n_pulses, found.intensity) == ("quad", 1440, "90 % aMT")


def test_names_of_levels_where_none_are_given():
    itbs = protocols["itbs"].to_dict()
    del itbs["level_names"]
    assert [level.name for level in read_protocol(itbs).levels] == ["pulse", "burst", "train"]
    ten = protocols["10hz_dlpfc"].to_dict()
    del ten["level_names"]
    assert [level.name for level in read_protocol(ten).levels] == ["pulse", "train"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pulse_trian_duration": 4}, "no 'pulse_trian_duration', did you mean 'pulse_train_duration'"),
        ({"frequency": 10}, "no 'frequency'"),
        (
            {"pulse_train_duration": 4.03},
            "duration of 4.03 s is not a whole number of repetition intervals of 0.1",
        ),
        ({"pulse_train_duration": None}, "needs 'pulse_train_duration' too"),
        ({"pulse_train_repeat_duration": None}, "needs 'pulse_train_repeat_duration' too"),
        ({"repeat3_interval": 9e3, "repeat3_duration": 9e4}, "needs 'repeat2_interval' too"),
        ({"pulse_repetition_interval": "0.1 s"}, "must be a finite number"),
        ({"pulse_repetition_interval": True}, "must be a finite number"),
        ({"pulse_train_duration": 1e300}, "pulse: duration must lie between"),
        ({"pulse_repetition_interval": 1e-310}, "pulse: repetition interval must lie between"),
        ({"level_names": ["pulse"]}, "level_names must be 2 names"),
        ({"level_names": ["pulse", "trian"]}, "no level 'trian' of a protocol, did you mean 'train'"),
    ],
)
def test_dictionaries_that_are_refused(change, words):
    with pytest.raises(DoseError, match=words):
        read_protocol(protocols["10hz_dlpfc"].to_dict() | change)


def test_a_dictionary_without_timing():
    with pytest.raises(DoseError, match="needs 'pulse_repetition_interval' too"):
        read_protocol({"name": "x"})


@pytest.mark.parametrize(
    ("name", "text", "error", "words"),
    [
        ("a.json", "{", FileFormatError, "not JSON"),
        ("a.json", "[1]", DoseError, "must hold an object"),
        ("a.json", '{"x": 1}', DoseError, "a protocol has no 'x'"),
        ("a.yaml", "a: [", FileFormatError, "not YAML"),
        ("a.yaml", "- 1", DoseError, "must hold an object"),
        ("a.yaml", "1: 2", DoseError, "a protocol has no '1'"),
        ("a.yaml", "a: 1\nb: 2\na: 3", FileFormatError, "'a' comes 2 times"),
        ("a.yaml", "name: &x [a]\nlevel_names: [*x, *x]", FileFormatError, "aliases of YAML"),
        ("a.yaml", 'name: !!int ""', FileFormatError, "not YAML"),
        ("a.yaml", "name: !!bool maybe", FileFormatError, "not YAML"),
        ("a.yaml", "name: !!timestamp x", FileFormatError, "not YAML"),
        ("a.yaml", "a: 1\n" * 20_000, FileFormatError, "100,000 characters of YAML are no protocol"),
        ("a.txt", "", FileFormatError, "protocols are read from .json, .yaml, .yml"),
    ],
)
def test_damaged_files(tmp_path, name, text, error, words):
    if name.endswith("yaml"):
        pytest.importorskip("yaml", reason="needs PyYAML")
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=words) as told:
        read_protocol(tmp_path / name)
    assert name in str(told.value)


def test_every_truncation_of_a_file_is_refused_with_words(tmp_path):
    write_protocol(protocols["itbs"], tmp_path / "whole.json")
    content = (tmp_path / "whole.json").read_bytes().rstrip()
    for n in range(len(content)):
        (tmp_path / "cut.json").write_bytes(content[:n])
        with pytest.raises((DoseError, FileFormatError)):
            read_protocol(tmp_path / "cut.json")


def test_yaml_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingPackageError, match=r"headfield\[dose\]"):
        write_protocol(protocols["itbs"], tmp_path / "a.yaml")
    with pytest.raises(FileFormatError, match="protocols are written to"):
        write_protocol(protocols["itbs"], tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_names():
    with pytest.raises(DoseError, match="'ctbs650' is none of the protocols, did you mean 'ctbs"):
        protocols["ctbs650"]
    assert protocols["CTBS"] == protocols["ctbs"]
    assert protocols.get("none") is None
    assert "itbs" in protocols
    assert len(protocols) == 14
    with pytest.raises(TypeError):
        protocols["mine"] = protocols["itbs"]


def test_protocols_of_a_user(tmp_path):
    mine = protocols["itbs"].to_dict() | {"source": "our lab", "intensity": "70 % rMT"}
    (tmp_path / "t.json").write_text(json.dumps({"protocols": {"itbs": mine, "bad": mine | {"x": 1}}}))
    there = named_protocols(hf.read_tables(tmp_path / "t.json"))
    assert there["itbs"].intensity == "70 % rMT"
    assert there["ctbs"] == protocols["ctbs"]
    with pytest.raises(DoseError, match=r"t\.json: bad: a protocol has no 'x'"):
        there["bad"]


def test_levels():
    assert Level.lasting("burst", 2.0, 0.2) == Level("burst", 10, 0.2)
    assert Level.lasting("pulse", 0.1, 1 / 30).count == 3
    assert [Level.lasting("pulse", 2, t).count for t in (0.0556, 0.05556, 0.055556)] == [36, 36, 36]
    with pytest.raises(DoseError, match="not a whole number of repetition intervals"):
        Level.lasting("train", 2.0, 0.3)
    with pytest.raises(DoseError, match="not a whole number of repetition intervals"):
        Level.lasting("train", 0.1, 10)


def test_a_timeline_is_drawn(tmp_path):
    figure = protocols["saint"].plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == [
        "the whole: 5 days every 1 d, 4 d 9 h 8 min 40 s",
        "one day: 10 sessions every 59 min 52 s, 9 h 8 min 40 s",
        "one session: 60 trains every 10 s, 9 min 52 s",
        "one train: 10 bursts every 200 ms, 2 s",
        "one burst: 3 pulses every 20 ms, 60 ms",
    ]
    sessions = figure.axes[2].patches
    assert len(sessions) == 10
    assert sessions[3].get_x() == pytest.approx(3 * 3592 / 3600)
    assert sessions[3].get_width() == pytest.approx(592 / 3600)
    protocols["1hz_360"].write_picture(tmp_path / "t.svg")
    assert (tmp_path / "t.svg").stat().st_size > 5000
    with pytest.raises(FileFormatError, match="pictures are written as"):
        protocols["itbs"].write_picture(tmp_path / "t.txt")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", TABLE)
def test_no_text_of_a_timeline_lies_over_another(name):
    figure = protocols[name].plot()
    FigureCanvasAgg(figure).draw()  # which lays it out
    boxes = [
        text.get_window_extent()
        for axes in figure.axes
        if axes.axison
        for text in (axes._left_title, axes.xaxis.label, *axes.get_xticklabels())
        if text.get_text()
        and (
            text in (axes._left_title, axes.xaxis.label)
            or axes.viewLim.x0 <= text.get_position()[0] <= axes.viewLim.x1
        )
    ]
    boxes.append(figure._suptitle.get_window_extent())
    assert len(boxes) > 4
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
