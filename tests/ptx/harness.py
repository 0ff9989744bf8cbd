# SPDX-License-Identifier: BSD-3-Clause
"""Kernels written in PTX by hand, translated and run, for the tests of the translator."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from ptx import library
from ptx.forms import FORMS
from ptx.nvcc import run

HERE = Path(__file__).resolve().parent
HEADER = ".version 9.0\n.target sm_90\n.address_size 64\n"
INPUTS = 4  # words of 8 bytes that a thread reads, one an operand; it writes one


def entry(name: str, body: str, directives: str = "", before: str = "") -> str:
    """A kernel of two pointers, which the body finds in %in and %out."""
    return f"""{before}
.visible .entry {name}(
    .param .u64 .ptr .align 1 {name}_param_0,
    .param .u64 {name}_param_1
) {directives}
{{
    .reg .b64 %in, %out, %at;
    .reg .b32 %t;
    ld.param.u64 %in, [{name}_param_0];
    ld.param.u64 %out, [{name}_param_1];
    cvta.to.global.u64 %in, %in;
    cvta.to.global.u64 %out, %out;
    mov.u32 %t, %tid.x;
{body}
    ret;
}}
"""


def of_form(opcode: str) -> str:
    """A kernel whose threads apply one instruction of the table each to its own operands."""
    form, names = FORMS[opcode], "abcd"
    lines = [f".reg .pred %p<{INPUTS + 1}>;"]
    lines += [f"mad.wide.u32 %in, %t, {8 * INPUTS}, %in;", "mad.wide.u32 %out, %t, 8, %out;"]
    for i, kind in enumerate(form.operands):
        lines += _read(names[i], i, kind)
    operands = [f"%p{i}" if kind == "pred" else f"%{names[i]}" for i, kind in enumerate(form.operands)]
    lines.append(f".reg .{_width(form.result)} %o;")
    target = f"%p{INPUTS}" if form.result == "pred" else "%o"
    lines.append(f"{opcode} {', '.join([target, *operands])};")
    lines += [f"selp.b32 %o, 1, 0, {target};"] if form.result == "pred" else []
    lines.append(f"st.global.{_width(form.result)} [%out], %o;")
    return entry(kernel_name(opcode), "\n".join(lines))


def _read(name: str, place: int, kind: str) -> list[str]:
    width = _width(kind)
    lines = [f".reg .{width} %{name};", f"ld.global.{width} %{name}, [%in+{8 * place}];"]
    return lines + ([f"setp.ne.u32 %p{place}, %{name}, 0;"] if kind == "pred" else [])


def _width(kind: str) -> str:
    """Type of the register for a type; one of 16 bits holds 8 as well."""
    return "b32" if kind == "pred" else "b16" if kind in ("s8", "u8") else f"b{kind[1:]}"


def kernel_name(opcode: str) -> str:
    return opcode.replace(".", "_")


class Kernels:
    """A library of kernels that can be run."""

    def __init__(self, texts: list[str], folder: Path) -> None:
        library.build({"kernels": HEADER + "\n".join(texts)}, folder)
        self.path = folder / "harness.so"
        objects = [str(path) for path in folder.glob("*.o")]
        command = ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", str(HERE / "harness.cpp"), *objects]
        run([*command, "-o", str(self.path)])
        self.library = ctypes.CDLL(str(self.path))

    def run(
        self,
        name: str,
        given: np.ndarray,
        out: np.ndarray,
        threads: tuple[int, int, int] = (32, 1, 1),
        blocks: int = 1,
        dynamic: int = 0,
        backwards: bool = False,
    ) -> np.ndarray:
        """Run a kernel over arrays; returns what it wrote."""
        size = (ctypes.c_uint * 3)(*threads)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (given, out)]
        arguments = (name.encode(), blocks, size, dynamic, *pointers, int(backwards))
        assert self.library.run_kernel(*arguments) == 0, f"no kernel {name}"
        return out

    def apply(self, opcode: str, rows: list[tuple[int, ...]]) -> list[int]:
        """The bits of an instruction's result for each row of operands."""
        given = np.zeros((len(rows), INPUTS), np.uint64)
        for i, row in enumerate(rows):
            given[i, : len(row)] = [value & (2**64 - 1) for value in row]
        out = np.zeros(len(rows), np.uint64)
        self.run(kernel_name(opcode), given, out, (len(rows), 1, 1))
        return [int(value) for value in out]
