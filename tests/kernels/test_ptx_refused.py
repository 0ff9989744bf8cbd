# SPDX-License-Identifier: BSD-3-Clause
"""What the translator of PTX doesn't know it names, and never passes over."""

import shutil

import pytest
from ptx.harness import HEADER, entry
from ptx.library import build
from ptx.nvcc import flags
from ptx.reader import PtxError, read
from ptx.translator import translate


@pytest.mark.parametrize(
    "instruction",
    [
        "frobnicate.b32 %t, %t",
        "mul.f32 %t, %t, %t",  # which ptxas may contract with a sum
        "add.rz.f32 %t, %t, %t",
        "add.sat.s32 %t, %t, %t",
        "add.s32 %t, %t",
        "ld.global.L2::cache_hint.u32 %t, [%in], %out",
        "ld.global.v3.u32 %t, [%in]",
        "ld.weird.u32 %t, [%in]",
        "ld.global.b128 %t, [%in]",
        "mov.b128 %t, %in",
        "@%p bra $elsewhere",
        "atom.global.add.noftz.f16x2 %t, [%in], %t",
        "cp.async.ca.shared.global [%t], [%in], 16",
        "mbarrier.init.shared.b64 [%t], 1",
        "fence.proxy.async",
        "bar.sync 1",
        "bar.sync 0, 32",
        "shfl.bfly.b32 %t, %t, 1, 31",
        "vote.ballot.b32 %t, 1",
        "call.uni (%t), elsewhere, (%t)",
        "call.uni %in",
        "mov.u32 %t, %clock",
        "mov.u32 %t, nowhere",
        "ld.param.u64 %in, [bad_param_0+8]",
        "st.global.u32 [%in+%t], %t",
    ],
)
def test_what_is_unknown_is_named(instruction):
    with pytest.raises(PtxError, match=r", in bad$") as caught:
        translate(read(HEADER + entry("bad", f"    {instruction};")), "kernels", {"bad": "bad"})
    if "unknown instruction" in str(caught.value):
        assert f"`{instruction}`" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".tex .u64 picture;", "neither a function nor a variable: .tex"),
        (".global .b128 big;", "type .b128 of big"),
        (entry("bad", "", directives=".reqnctapercluster 2"), "directive .reqnctapercluster 2 of bad"),
        (entry("bad", "")[:-4], "the file ends within a function"),
        (".entry bad(.reg .u32 x) { ret; }", "parameter .reg .u32 x of bad"),
    ],
)
def test_what_a_file_may_not_hold_is_named(text, words):
    with pytest.raises(PtxError) as caught:
        read(HEADER + text)
    assert words in str(caught.value)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which is not installed")
def test_kernels_that_can_not_be_told_apart_are_refused(tmp_path):
    """A template comes in several files and is one kernel; of unnamed namespaces each has its own."""
    hidden = entry("twice", "").replace(".visible", "")
    with pytest.raises(PtxError, match="two kernels are called twice"):
        build({"a": HEADER + hidden, "b": HEADER + hidden}, tmp_path)
    shared = HEADER + entry("twice", "").replace(".visible", ".weak")
    assert build({"a": shared, "b": shared + entry("once", "")}, tmp_path) == ["twice", "once"]


def test_flags_of_the_build_without_what_differs_from_build_to_build(tmp_path):
    """Files, architectures, errors made of warnings, and where Python and pybind11 lie."""
    python, pybind11 = tmp_path / "python", tmp_path / "include"
    (pybind11 / "pybind11").mkdir(parents=True)
    python.mkdir()
    (python / "Python.h").touch()
    command = f"nvcc -DX -I/a -isystem /cuda -isystem {python} -isystem {pybind11} -O3 -std=c++17"
    command += " --generate-code=arch=compute_90,code=[sm_90] -fmad=false -Werror=all-warnings"
    command += " -Xcompiler=-Werror -Xcompiler=-Wall -MD -MT a.o -MF a.o.d -x cu -c /cuda/a.cu -o a.o"
    kept = "nvcc -DX -I/a -isystem /cuda -O3 -std=c++17 -fmad=false -Xcompiler=-Wall -x cu /cuda/a.cu"
    assert flags(command.split()) == kept.split()
