# SPDX-License-Identifier: BSD-3-Clause
"""The counted model of a GPU: bytes counted by hand, what times have to do, predictions called so."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import headfield as hf

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
COMMITTED = BENCHMARKS / "results" / "model_gpu.json"
# Two levels, small enough to count by hand: rows, columns, nonzeros, and stored with padding.
SIZES = {
    "a0": (1000, 1000, 6000, 8000),
    "p0": (1000, 100, 2000, 4000),
    "pt0": (100, 1000, 2000, 2000),
    "ap0": (1000, 100, 3000, 4000),
    "a1": (100, 100, 900, 1200),
}
WIDTH = 8


@pytest.fixture
def programs(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import costs
    import gpu_cards
    import gpu_kernels
    import gpu_times
    import model_gpu

    return SimpleNamespace(
        costs=costs, cards=gpu_cards, kernels=gpu_kernels, times=gpu_times, model=model_gpu
    )


@pytest.fixture
def counted():
    """Rows gather two columns for themselves, however many they are, and all are as long as the mean."""
    matrices = {}
    for name, (rows, cols, nonzeros, stored) in SIZES.items():
        longest = {str(one): stored / rows for one in (1, 2, 4, 8, 16, 32)}
        unique = {str(one): {str(width): 2.0 for width in (1, 2, 4, 8, 16)} for one in (16, 128, 1024)}
        matrices[name] = {"rows": rows, "cols": cols, "nonzeros": nonzeros, "stored": stored}
        matrices[name] |= {"longest": longest, "unique": unique}
    sizes = {"head": "made_up", "nodes": 1000, "tets": 5000, "chosen": 2000, "touched": 500}
    return sizes | {"corners_per_element": 1.0, "matrices": matrices}


@pytest.fixture
def committed():
    return json.loads(COMMITTED.read_text(encoding="utf-8"))


@pytest.fixture
def model(programs, counted):
    """A model whose card keeps nothing in its L2, so that all bytes come from its memory."""

    def made(width=WIDTH, kernels=programs.kernels.BEFORE, **card):
        given = dataclasses.replace(programs.cards.CARDS[0], **({"l2_mb": 0.0} | card))
        return programs.times.Model(programs.times.Head(counted), given, kernels, width)

    return made


# Bytes of an iteration by hand: 16-bit values and columns, 4 bytes for the start of a row, 4 for its scale;
# a row of a block vector of eight columns has 16 bytes in 16 bits, 32 in float32.
A0 = 8000 * 4 + 4 * 1001 + 4 * 1000
P0 = 4000 * 4 + 4 * 1001 + 4 * 1000
PT0 = 2000 * 4 + 4 * 101 + 4 * 100
BY_HAND = {
    "smooth_from_zero": A0 + 16000 + 16000,
    "residual": A0 + 16000 + 16000 + 16000,
    "apply": PT0 + 16000 + 1600,
    "apply_dense": 4 * 100 * 100 + 1600 + 3200,
    "correct": P0 + 3200 + 2 * 16000,  # A P is as large here as P
    "smooth": A0 + P0 + 3200 + 16000 + 16000 + 32000 + 16000,
    "step_direction": 5 * 32000,
    "apply_dot": 8000 * (4 + 4) + 4 * 1001 + 32000 + 32000,
    "step_residual": 3 * 32000 + 16000 + 8000,
}


def test_bytes_of_an_iteration_are_those_counted_by_hand(model):
    found = {time.verb: time.dram_bytes for time in model().iteration() if time.verb != "column_sum"}
    assert found == BY_HAND


def test_bytes_through_l2_are_streams_and_what_blocks_gather(model):
    """Two columns a row, of a row of 16 bytes and so of a sector of 32."""
    found = {time.verb: time.l2_bytes for time in model().iteration()}
    assert found["residual"] == A0 + 2 * 16000 + 1000 * 2 * 32
    assert found["step_direction"] == BY_HAND["step_direction"]


def test_sums_over_a_solve_are_those_of_the_cpu_with_its_storage(programs):
    """The steps are written once: with a CPU's storage they add up to what costs.solve says."""
    levels = [(1000, 14000, 5000, 9000), (100, 3000, 0, 0)]
    counter = programs.costs.Counter(programs.costs.matrices(levels), WIDTH)
    parts = (counter.start(), counter.iteration(), counter.iteration(), counter.check(), counter.end())
    total = sum(step.bytes for steps in parts for step in steps)
    assert total == pytest.approx(sum(one.bytes for one in programs.costs.solve(levels, WIDTH, 2).values()))


def test_what_fits_in_l2_comes_from_memory_once(model):
    fits, nothing = model(l2_mb=1e3).iteration(), model().iteration()
    assert all(time.dram_bytes == 0 for time in fits)
    assert all(time.dram_bytes > 0 for time in nothing if time.verb != "column_sum")


def test_an_array_is_kept_only_if_what_comes_between_leaves_room(programs):
    def step(*names):
        accesses = tuple(programs.costs.Access(name, 10.0, "read") for name in names)
        return programs.costs.Step("x", "solve", 0, 1, accesses, 0.0)

    steps = [step("a"), step("b"), step("a", "c")]  # 5 and 10 of the ends, 10 between
    assert programs.times.resident(steps, 25.0, again=False) == [set(), set(), {"a"}]
    assert programs.times.resident(steps, 24.0, again=False) == [set(), set(), set()]


def test_twice_the_bandwidth_halves_what_bandwidth_limits(programs, committed):
    head, card = programs.times.Head(committed["counted"]), programs.cards.CARDS[0]
    faster = dataclasses.replace(card, dram_gb_s=2 * card.dram_gb_s)

    def time(card):
        steps = programs.times.Model(head, card, programs.kernels.BEFORE, 64).iteration()
        return next(one for one in steps if one.verb == "step_direction")

    slow, fast = time(card), time(faster)
    assert slow.limit == "dram"
    assert fast.seconds["dram"] == pytest.approx(slow.seconds["dram"] / 2)
    assert fast.total - fast.launch >= (slow.total - slow.launch) / 2


def test_a_wider_batch_takes_longer_and_less_a_pose(committed):
    for card, settings in committed["predicted"]["cards"].items():
        for setting, found in settings.items():
            per_pose = np.array([found[width]["pose_us"] for width in found])
            assert np.all(np.diff(per_pose) < 0), (card, setting)
            assert np.all(np.diff(per_pose * [int(width) for width in found]) > 0), (card, setting)


def test_few_float64_units_show_where_float64_is(programs, committed):
    """A consumer card is slower in the right-hand side than its bandwidth, and not where it is float32."""
    head = programs.times.Head(committed["counted"])
    card = next(card for card in programs.cards.CARDS if "4090" in card.name)
    right = {}
    for name, compensated in (("double", False), ("single", True)):
        kernels = dataclasses.replace(programs.kernels.BEFORE, compensated=compensated)
        steps = programs.times.Model(head, card, kernels, 32).around()
        right[name] = next(one for one in steps if one.verb == "right_hand_side")
    assert right["double"].limit == "float64"
    assert right["double"].total > 4 * right["double"].seconds["dram"]
    assert right["single"].limit != "float64"
    assert right["single"].total < right["double"].total / 2


# Instructions for four entries of a row in the SASS of sm_90; columns of a thread, bytes of an entry and of a
# gathered number.
SASS = [
    ("BEFORE", "residual", 4, 64, 2, 2, 1),
    ("BEFORE", "residual", 1, 39, 2, 2, 1),
    ("BEFORE", "smooth p", 4, 49, 2, 4, 1),
    ("BEFORE", "apply_dot", 4, 37, 4, 4, 1),
    ("BEFORE", "true_residual", 4, 43, 8, 8, 1),
    ("BEFORE", "right_hand_side", 4, 163, 12, 4, 3),
    ("TODAY", "residual", 16, 173.5, 2, 2, 1),
    ("TODAY", "residual", 8, 105.5, 2, 2, 1),
    ("TODAY", "residual", 4, 63.25, 2, 2, 1),
    ("TODAY", "residual", 1, 25.9, 2, 2, 1),
    ("TODAY", "correct", 16, 117.5, 2, 4, 1),
    ("TODAY", "correct", 8, 77.5, 2, 4, 1),
    ("TODAY", "apply_dot", 8, 72, 4, 4, 1),
    ("TODAY", "true_residual", 4, 43, 8, 8, 1),
    ("TODAY", "right_hand_side", 4, 616, 12, 4, 3),
    ("TODAY", "right_hand_side", 1, 178, 12, 4, 3),
]


@pytest.mark.parametrize(("record", "verb", "columns", "counted_in_sass", "value", "number", "each"), SASS)
def test_instructions_are_those_of_the_compiler(
    programs, model, record, verb, columns, counted_in_sass, value, number, each
):
    matrix = programs.costs.Matrix("a0", 1, 1, 4, 4)
    product = programs.costs.Product(matrix, value, 4, number, each)
    made = model(kernels=getattr(programs.kernels, record))
    assert made.instructions(product, columns) == pytest.approx(counted_in_sass, rel=0.25), verb


def test_what_is_has_the_numbers_of_its_sources(programs):
    today, found = programs.kernels.TODAY, {}
    for name in ("loops.hpp", "device_hierarchy.cpp", "products.hpp"):
        found[name] = (ROOT / "cuda" / name).read_text(encoding="utf-8")
    constants = dict(re.findall(r"constexpr \w+ (\w+) = (\d+);", found["loops.hpp"]))
    mine = {"contiguous": today.contiguous, "most_blocks": today.most_blocks, "threads": 256}
    mine |= {"reduction_chunk": programs.kernels.CHUNK, "slots": programs.kernels.SLOTS}
    assert {name: int(value) for name, value in constants.items()} == mine
    rule = r"rows < \(1 << (\d+)\) && nonzeros >= (\d+) \* rows\)? (?:return|\?) (\d)"
    rules = re.findall(rule, found["device_hierarchy.cpp"])
    assert tuple((1 << int(rows), int(each), int(count)) for rows, each, count in rules) == today.sharing
    wide = f"Part<W, W::value >= {today.wide_from} ? {today.wide_columns} : {today.columns}>"
    assert wide in found["products.hpp"]


def test_threads_that_share_a_row_take_columns_enough_for_one_warp(programs):
    today = programs.kernels.TODAY
    found = {s: [today.columns_at(w, "residual", s) for w in programs.kernels.WIDTHS] for s in (1, 4, 8)}
    assert found == {1: [1, 4, 4, 4, 8, 8], 4: [1, 4, 4, 4, 8, 8], 8: [1, 4, 4, 4, 8, 16]}
    assert [today.columns_at(w, "flush") for w in programs.kernels.WIDTHS] == [1, 4, 4, 4, 4, 4]
    sizes = ((328, 328**2), (50294, 3439992), (709254, 10824646))
    assert [today.shared_by(*size) for size in sizes] == [8, 4, 1]


def test_threads_that_share_long_rows_wait_less(programs, committed):
    head, card = programs.times.Head(committed["counted"]), programs.cards.CARDS[0]
    today = programs.kernels.TODAY
    alone = dataclasses.replace(today, sharing=())
    for width in (1, 8):
        shared, apart = (programs.times.Model(head, card, k, width).iteration() for k in (today, alone))
        coarse = [(one, other) for one, other in zip(shared, apart, strict=True) if one.level == 2]
        assert len(coarse) == 5
        for one, other in coarse:
            assert one.seconds["latency"] < other.seconds["latency"] / 2, one.verb


def test_turns_of_an_unrolled_loop(programs, model):
    """Of ten steps with four a turn: two turns, and one of two; of several rows some have one more step."""
    made = model(width=1, kernels=programs.kernels.TODAY)
    step = next(one for one in made.counter.iteration() if one.verb == "residual")
    assert made.rows_of_warp(step) == 32
    assert made.turns_of(10.0, step) == pytest.approx(8.5 / 4 + 2)
    whole = dataclasses.replace(programs.kernels.TODAY, together={})
    assert model(width=1, kernels=whole).turns_of(10.0, step) == 10.0


def test_bytes_of_a_start_are_those_counted_by_hand(model, programs):
    """b times its scale, and its norm; then r, r rounded, x, p and φ from b: 1000 rows of eight columns."""
    found = {time.verb: time.dram_bytes for time in model(kernels=programs.kernels.TODAY).start()}
    assert found["scale_and_measure"] == 2 * 64000 + 8000 + 8000
    assert found["begin"] == 64000 + 3 * 32000 + 16000 + 64000
    before = sum(time.dram_bytes for time in model().start())
    assert before == 64000 + 72000 + 136000 + 72000 + 3 * 32000 + 64000 + 32000 + 16000


def test_one_kernel_stands_for_the_levels_that_are_few_rows(programs, model):
    kernels = dataclasses.replace(programs.kernels.BEFORE, tail_rows=100)
    verbs = [(time.verb, time.level) for time in model(kernels=kernels).iteration()]
    assert verbs.count(("tail", 1)) == 1
    assert all(level == 0 for verb, level in verbs if verb != "tail")


def test_predictions_are_those_of_the_counts(programs, committed):
    """Whoever changes the model, a card or a record of kernels has to run model_gpu.py again."""
    found = programs.model.predict(committed["counted"], committed["predicted"]["iterations"])
    assert json.loads(json.dumps(found)) == committed["predicted"]
    assert programs.model.written(committed) == COMMITTED.read_text(encoding="utf-8")


def test_cards_say_where_each_number_is_from(programs):
    numbers = {one.name for one in dataclasses.fields(programs.cards.Card)} - {"name", "names"}
    assert set(programs.cards.ORIGIN) == numbers
    peak = {card.name: 2e-3 * card.sms * card.fp64_lanes * card.clock_ghz for card in programs.cards.CARDS}
    published = {"H100 SXM": 33.5, "H200": 33.5, "A100 SXM 80 GB": 9.7, "RTX 4090": 1.29, "L40S": 1.43}
    assert peak == pytest.approx(published, rel=0.01)  # TFLOP/s in float64
    assert programs.cards.find("NVIDIA H100 80GB HBM3").name == "H100 SXM"
    assert programs.cards.find("Voodoo 2") is None


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import count_rows

    return count_rows


def test_what_blocks_of_a_band_gather(rows):
    """Of a tridiagonal matrix, blocks of r rows gather r + 2 columns, but for the first and the last."""
    n = 4096
    columns = np.arange(n)[:, None] + [-1, 0, 1]
    inside = (columns >= 0) & (columns < n)
    ptr = np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int32)
    col = columns[inside].astype(np.int32)
    assert rows.gathered(ptr, col, 16, 1) == pytest.approx((18 * (n // 16) - 2) / n)
    assert rows.gathered(ptr, col, 1024, 16) == pytest.approx((66 * 4 - 2) / n)
    assert rows.padded(ptr).tolist() == [4] * n
    mixed = np.array([0, 3, 8, 9, 9], np.int32)  # rows of 3, 5, 1 and 0 entries: 4, 8, 4 and 0 padded
    assert rows.longest(mixed, 1) == 4.0
    assert rows.longest(mixed, 2) == 6.0


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
def test_counts_of_a_head_are_those_of_its_hierarchy(rows, tmp_path):
    """The program that hands out sparsities builds the hierarchy that a model has."""
    mesh = hf.phantom_head(edge_mm=8)
    np.savez(tmp_path / "head.npz", nodes=mesh.nodes_mm, tets=mesh.tets, tags=mesh.tags)
    found = rows.count(tmp_path / "head.npz")
    levels = hf.HeadModel(mesh, device="cpu")._head._hierarchy.levels
    matrices = found["matrices"]
    assert found["nodes"] == levels[0][0] == mesh.n_nodes
    for at, (n, a, p, ap) in enumerate(levels):
        assert (matrices[f"a{at}"]["rows"], matrices[f"a{at}"]["nonzeros"]) == (n, a)
        if p:
            assert [matrices[f"{name}{at}"]["nonzeros"] for name in ("p", "pt", "ap")] == [p, p, ap]
            assert matrices[f"p{at}"]["cols"] == matrices[f"pt{at}"]["rows"] == levels[at + 1][0]
    assert 0.25 < found["corners_per_element"] < 4.0


def report(root):
    command = [sys.executable, str(BENCHMARKS / "report.py"), "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    text = (root / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    section = text.partition("## Counted model of a GPU\n")[2].partition("\n## ")[0]
    return section, (root / "docs" / "speed.md").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    marks = "<!-- figures: begin -->\n<!-- figures: end -->\n"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "speed.md").write_text(marks, encoding="utf-8")
    return tmp_path


def test_a_section_calls_predictions_so_and_the_page_of_figures_has_none(checkout, programs, counted):
    section, before = report(checkout)
    assert section.strip() == "Not measured: run `python benchmarks/model_gpu.py --count HEAD.npz`."
    whole = {"counted": counted, "arguments": {"count": "made_up.npz"}}
    whole |= {"predicted": programs.model.predict(counted)}
    path = checkout / "benchmarks" / "results" / "model_gpu.json"
    path.write_text(programs.model.written(whole), encoding="utf-8")
    section, after = report(checkout)
    assert after == before
    assert "**Predicted, not measured**" in section
    assert "measured µs" not in section
    first = whole["predicted"]["cards"]["H100 SXM"]["before"]["1"]["pose_us"]
    assert f"| H100 SXM | before | {1e-3 * first:#.3g} |" in section
    assert "| l2_gb_s | assumed | 5600 |" in section
    assert "--count made_up.npz` → `results/model_gpu.json`" in section


def test_measurements_stand_beside_predictions_of_their_card(checkout, programs, counted):
    results = checkout / "benchmarks" / "results"
    whole = {"counted": counted, "predicted": programs.model.predict(counted)}
    (results / "model_gpu.json").write_text(programs.model.written(whole), encoding="utf-8")
    found = {"chunk_sums SmoothDot 4/1 8": (2, 30.0, 4.0), "every_row Smooth 4/1 8": (1, 6.0, 1.0)}
    found |= {"every_row Smooth 4/8 8": (1, 4.0, 1.0), "every_row SmoothFromZero 4/1 8": (7, 70.0, 7.0)}
    names = ("launches", "microseconds", "megabytes")
    kernels = {kernel: dict(zip(names, row, strict=True)) for kernel, row in found.items()}
    check = {"steps": {"profile": {"ok": True, "widths": {"8": kernels}}}}
    for device, there in (("NVIDIA A100-SXM4-80GB", True), ("Voodoo 2", False)):
        (results / "gpu_check.json").write_text(json.dumps(check | {"gpu": {"name": device}}))
        section, _ = report(checkout)
        assert ("measured µs a call" in section) == there
    (results / "gpu_check.json").write_text(json.dumps(check | {"gpu": {"name": "NVIDIA A100-SXM4-80GB"}}))
    section, _ = report(checkout)
    card = programs.cards.find("A100")
    model = programs.times.Model(programs.times.Head(counted), card, programs.kernels.TODAY, 8)
    rows = {row["kernel"]: row for row in programs.model.by_kernel(model.batch(12))}
    predicted = (rows["smooth"]["us"] - rows["smooth"]["launch_us"]) / rows["smooth"]["calls"]
    assert f"| smooth, 8 | {predicted:#.3g} | 10.0 | {10.0 / predicted:#.3g}" in section
    assert "predicted for the A100 SXM 80 GB" in section
