# SPDX-License-Identifier: BSD-3-Clause
"""What ptxas made of kernels: loads in flight, blocks that fit, names, and what counts as worse."""

import copy
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# One load of a column, then gathers: two before the first is needed, and two after.
SERIALISED = """
        /*0010*/                   LDG.E.64 R8, desc[UR4][R24.64] ;
        /*0020*/                   LOP3.LUT R11, R8, 0xffff, RZ, 0xc0, !PT ;
        /*0030*/                   IMAD.WIDE.U32 R10, R11, 0x20, R14 ;
        /*0040*/                   LEA R16, P0, R10, UR8, 0x1 ;
        /*0050*/                   LDG.E.64 R16, desc[UR4][R16.64] ;
        /*0060*/                   LDG.E R20, desc[UR4][R28.64] ;
        /*0070*/                   PRMT R19, R9, 0x7732, RZ ;
        /*0080*/                   LDG.E.64 R18, desc[UR4][R19.64] ;
        /*0090*/                   FFMA R22, R17, R20, R22 ;
        /*00a0*/                   LDG.E.64 R4, desc[UR4][R9.64] ;
        /*00b0*/              @!P1 LDG.E.64 R6, desc[UR4][R9.64+0x8] ;
        /*00c0*/                   FFMA R22, R18, R4, R22 ;
"""
TOGETHER = SERIALISED.replace("FFMA R22, R17, R20, R22", "NOP").replace(
    "R22, R18, R4, R22", "R22, R17, R4, R22"
)
LISTING = """
	.section	.text.{name},"ax",@progbits
.text.{name}:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
.L_x_1:
        /*0008*/                   LDG.E R2, desc[UR4][R3.64] ;
.L_x_2:{body}
        /*0100*/              @!P0 BRA `(.L_x_2) ;
        /*0110*/                   STG.E desc[UR4][R2.64], R22 ;
        /*0120*/               @P1 BRA `(.L_x_1) ;
        /*0130*/                   EXIT ;
.L_x_3:
        /*0140*/                   BRA `(.L_x_3);
"""


@pytest.fixture
def resources(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import kernel_resources

    return kernel_resources


TWO_LOADS = """
\t.section\t.text.every_row,"ax",@progbits
.text.every_row:
.L_x_1:
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_2:
        /*0010*/                   LDG.E.64 R4, desc[UR4][R2.64] ;
        /*0020*/                   LDG.E R8, desc[UR4][{second}.64] ;
        /*0030*/                   F2F.F64.F32 R10, R8 ;
        /*0040*/                   DFMA R12, R10, R4, R12 ;
        /*0050*/              @!P0 BRA `(.L_x_2) ;
        /*0060*/                   BRA `(.L_x_1) ;
"""


@pytest.mark.parametrize(("second", "waits"), [("R6", 1.0), ("R4", 2.0), ("R5", 2.0)])
def test_waits_in_machine_code(resources, second, waits):
    """Loads that stand side by side wait together; one whose address is loaded waits for that."""
    ((name, kernel),) = resources.sass.read(TWO_LOADS.format(second=second)).items()
    assert name == "every_row"
    (body,) = kernel.innermost()  # not the loop around it
    assert resources.sass.loop(body) == (5, 2, 1, 1, waits)


@pytest.mark.skipif(shutil.which("c++filt") is None, reason="no c++filt")
def test_the_program_prints_loops_of_kernels_that_are_asked_for(resources, monkeypatch, tmp_path, capsys):
    """The disassembler is one that prints what it is given."""
    program = tmp_path / "nvdisasm"
    program.write_text('#!/bin/sh\ncat "$2"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code = TWO_LOADS.format(second="R6")
    (tmp_path / "a.cubin").write_text(code.replace("every_row", "_ZN9headfield3oneEv") + code)
    monkeypatch.setattr(sys, "argv", ["sass.py", str(tmp_path / "a.cubin"), "field::one"])
    assert resources.sass.main() == 0
    said = ["headfield::one()", "    instructions 5, loads 2, float64 1, conversions 1, rounds 1"]
    assert capsys.readouterr().out.splitlines() == said


@pytest.fixture
def rows():
    return json.loads((BENCHMARKS / "results" / "kernel_resources.json").read_text())["kernels"]


def of(resources, body):
    return resources.sass.read(LISTING.format(name="some_kernel", body=body))["some_kernel"]


@pytest.mark.parametrize(("body", "gathers", "loads"), [(SERIALISED, 2, 3), (TOGETHER, 4, 5)])
def test_loads_in_flight_are_counted_up_to_who_needs_one(resources, body, gathers, loads):
    kernel = of(resources, body)
    assert resources.sass.in_flight(kernel, of_gathers=True) == gathers
    assert resources.sass.in_flight(kernel, of_gathers=False) == loads


def test_gathers_count_too_where_their_addresses_were_loaded_a_turn_ahead(resources):
    turn = [
        ("IMAD.WIDE", "R20, R8, 0x4, R16"),
        ("LDG.E", "R30, desc[UR4][R20.64]"),
        ("IMAD.WIDE", "R22, R9, 0x4, R16"),
        ("LDG.E", "R31, desc[UR4][R22.64]"),
        ("LDG.E.64", "R8, desc[UR4][R2.64]"),  # columns of the next turn
        ("FFMA", "R1, R30, R31, R1"),
    ]
    body = [resources.sass.instruction(*one) for one in turn]
    assert resources.sass.most_in_flight(body, of_gathers=True) == 2
    assert resources.sass.most_in_flight(body, of_gathers=False) == 3


def test_only_innermost_loops_count_and_the_worst_of_them(resources):
    kernel = of(resources, SERIALISED)
    (inner,) = kernel.innermost()  # neither what holds a loop nor the trap after the end
    assert len(inner) == 13
    kernel.loops.append((0, 1))
    assert [len(body) for body in kernel.innermost()] == [2, 13]
    assert resources.sass.in_flight(kernel, of_gathers=True) == 2
    assert resources.sass.in_flight(resources.sass.Kernel([], []), of_gathers=True) is None


@pytest.mark.parametrize(
    ("opcode", "operands", "writes", "reads", "second"),
    [
        ("LDG.E.128.CONSTANT", "R8, desc[UR4][R10.64]", "R8 R9 R10 R11", "UR4 R10", "UR5 R11"),
        ("STG.E.64", "desc[UR4][R2.64], R6", "", "UR4 R2 R6", ""),
        ("IMAD.WIDE", "R20, R13.reuse, 0x2, R20", "R20 R21", "R13 R20", "R21"),
        ("IMAD.WIDE", "R20, R13, 0x2, RZ", "R20 R21", "R13", ""),
        ("DFMA", "R4, R6, R8, R10", "R4 R5", "R6 R8 R10", "R7 R9 R11"),
        ("ISETP.GE.AND", "P0, PT, R13, R6, PT", "", "R13 R6", ""),
        ("FADD", "R0, -R1, |R2|", "R0", "R1 R2", ""),
        ("R2UR", "UR6, R8", "UR6", "R8", ""),
    ],
)
def test_what_an_instruction_reads_and_writes(resources, opcode, operands, writes, reads, second):
    one = resources.sass.instruction(opcode, operands)
    assert one.writes == tuple(writes.split())
    assert one.reads == tuple(reads.split())
    assert one.needs == (*one.reads, *second.split())


@pytest.mark.parametrize(
    ("threads", "registers", "shared", "wanted"),
    [
        (256, 32, 0, 8),  # 64 warps
        (256, 33, 0, 6),  # 40 registers: 1280 a warp, 51 warps
        (128, 255, 0, 2),
        (32, 16, 0, 32),  # 32 blocks
        (256, 32, 48 << 10, 4),  # 49 KiB each of 228
        (1024, 64, 0, 1),
        (1024, 65, 0, 0),  # can't be launched
    ],
)
def test_blocks_that_fit(resources, threads, registers, shared, wanted):
    assert resources.blocks(threads, registers, shared) == wanted


GPU = "headfield::gpu::"
OF_1 = f"{GPU}Part<{GPU}Width<1>, 4, 1>"
OF_32 = f"{GPU}Part<{GPU}Width<32>, 8, 4>"
# As c++filt prints them.
NAMES = [
    (
        f"void {GPU}every_row<{OF_32}, {GPU}Apply<{OF_32} > >(long, long, {GPU}Apply<{OF_32} >)",
        "every_row Apply 8/4",
        32,
    ),
    (
        f"void {GPU}chunk_sums<{OF_1}, {GPU}ScaleAndMeasure<{OF_1} > >"
        f"(long, long, {GPU}ScaleAndMeasure<{OF_1} >, double*)",
        "chunk_sums ScaleAndMeasure 4/1",
        1,
    ),
    (
        f"void {GPU}value_tile<{GPU}Width<8>, {GPU}ElementField<float const*> >(headfield::MeshView, "
        f"{GPU}ElementField<float const*>, long, int, double const*, float*, float*)",
        "value_tile ElementField",
        8,
    ),
    (
        f"void {GPU}every_row<{OF_32}, {GPU}Recover<{OF_32}, {GPU}NoRates> >"
        f"(long, long, {GPU}Recover<{OF_32}, {GPU}NoRates>)",
        "every_row Recover NoRates 8/4",
        32,
    ),
    (
        f"void {GPU}(anonymous namespace)::sample_tile<{GPU}Width<64> >(long, double const*, "
        "headfield::GridView, headfield::Placements, bool, float*, unsigned long long*)",
        "sample_tile",
        64,
    ),
    (f"void {GPU}column_sum<1024>(long, double const*, double*)", "column_sum 1024", None),
    (f"void {GPU}(anonymous namespace)::potential_at<double>(long)", "potential_at double", None),
    ("headfield::(anonymous namespace)::outside(int const*, long, long)", "outside", None),
]


def as_ncu_prints(plain):
    plain = plain.replace("(anonymous namespace)", "<unnamed>").replace("> >", ">>")
    return re.sub(r"(?<=[<, ])(?=\d+[,>])", "(int)", plain)


@pytest.mark.parametrize(("plain", "name", "width"), NAMES)
def test_names_and_widths(resources, plain, name, width):
    from gpu import counters

    assert resources.name_and_width(plain) == (name, width)
    assert resources.name_and_width(as_ncu_prints(plain)) == (name, width)
    assert counters.short_name(as_ncu_prints(plain)) == (f"{name} {width}" if width else name)


def test_every_kernel_of_the_table_has_a_name_of_its_own(rows):
    """Sharers and columns of a thread tell kernels of the same loop and verb apart."""
    names = [(row["kernel"], row["width"]) for row in rows]
    assert len(set(names)) == len(names)
    assert {("every_row Apply 8/1", 32), ("every_row Apply 8/4", 32), ("every_row Apply 8/8", 32)} <= set(
        names
    )


def test_the_way_ncu_prints_a_name(resources):
    part = "headfield::gpu::Part<headfield::gpu::Width<(int)32>, (int)8, (int)1>"
    name = f"void headfield::gpu::every_row<{part}, headfield::gpu::Residual<{part}>>(long, long, T3)"
    assert resources.name_and_width(name) == ("every_row Residual 8/1", 32)
    assert as_ncu_prints("void a<Width<32>, 8, 1>") == "void a<Width<(int)32>, (int)8, (int)1>"


def test_the_words_of_ptxas(resources):
    said = """ptxas info    : Compiling entry function '_Z1fv' for 'sm_90'
ptxas info    : Function properties for _Z1fv
    16 bytes stack frame, 20 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 80 registers, used 1 barriers, 16 bytes cumulative stack size, 8192 bytes smem
ptxas info    : Compiling entry function '_Z1gv' for 'sm_90'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 12 registers, used 0 barriers
"""
    assert resources.said_by_ptxas(said) == {
        "_Z1fv": {"registers": 80, "spill_bytes": 32, "stack_bytes": 16, "shared_bytes": 8192},
        "_Z1gv": {"registers": 12, "spill_bytes": 0, "stack_bytes": 0, "shared_bytes": 0},
    }


@pytest.mark.parametrize(
    ("column", "change", "same_compiler", "is_worse"),
    [
        ("registers", 1, True, True),
        ("registers", -1, True, False),
        ("registers", 1, False, False),
        ("spill_bytes", 4, True, True),
        ("spill_bytes", 4, False, True),
        ("gathers_in_flight", -1, True, True),
        ("gathers_in_flight", 1, True, False),
        ("gathers_in_flight", -1, False, False),
        ("instructions", 99, True, False),
    ],
)
def test_what_is_worse_is_named(resources, rows, column, change, same_compiler, is_worse):
    assert resources.worse(rows, rows, same_compiler) == []
    found = copy.deepcopy(rows)
    row = next(row for row in found if row["gathers_in_flight"])
    row[column] += change
    wanted = f"{row['kernel']} {row['width']}: {column} {row[column] - change} -> {row[column]}"
    assert resources.worse(found, rows, same_compiler) == ([wanted] if is_worse else [])


def test_kernels_that_came_or_went_are_named(resources, rows):
    first = f"{rows[0]['kernel']}"
    for found, committed, words in ((rows[1:], rows, "is no more"), (rows, rows[1:], "not committed")):
        (line,) = resources.worse(found, committed, True)
        assert line.startswith(first)
        assert line.endswith(words)


def test_the_committed_table_is_as_it_is_written(resources):
    path = BENCHMARKS / "results" / "kernel_resources.json"
    text = path.read_text()
    assert resources.written(json.loads(text)) == text
    assert text.count("\n") < len(json.loads(text)["kernels"]) + 30  # a row a line


def test_without_a_compiler_it_says_so(resources, monkeypatch, capsys):
    monkeypatch.setattr(resources.nvcc, "find", lambda: None)
    monkeypatch.setattr(sys, "argv", ["kernel_resources.py", "--check"])
    assert resources.main() == 0
    assert "skipped" in capsys.readouterr().out
