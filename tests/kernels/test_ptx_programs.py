# SPDX-License-Identifier: BSD-3-Clause
"""Whole kernels written in PTX by hand: memory, jumps, calls, barriers and warps."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from ptx.harness import Kernels, entry

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which is not installed")
MINE = """
    mad.wide.u32 %at, %t, 4, %in;
    mad.wide.u32 %out, %t, 4, %out;
    .reg .b32 %x, %y, %z, %w;
    ld.global.u32 %x, [%at];
"""
SAVE = "    st.global.u32 [%out], %y;\n"

VECTORS = """
    .reg .b32 %a, %b, %c, %d;
    .reg .b64 %h;
    ld.global.nc.L1::no_allocate.L2::128B.v4.b32 {%a, %b, %c, %d}, [%in];
    st.global.wb.v4.u32 [%out], {%d, %c, %b, %a};
    ld.global.v2.f32 {%a, %b}, [%in+8];
    st.global.wt.v2.f32 [%out+16], {%b, %a};
    prefetch.global.L2 [%in];
    ld.volatile.global.b64 %h, [%in];
    mov.b64 {%a, %b}, %h;
    mov.b64 {%c, _}, %h;
    mov.b64 %h, {%b, %c};
    st.b64 [%out+24], %h;
"""
SCOPES = """
    .local .align 4 .b8 pair[4];
    .reg .b32 %a, %b;
    .reg .f32 %f, %g;
    ld.global.f32 %f, [%in];
    {.reg .f16 low, high; .reg .f16x2 both;
      { cvt.rn.f16.f32 low, %f;}
      neg.f16 high, low;
      mov.b32 both, {low, high}; st.local.f16x2 [pair], both; ld.local.b32 %a, [pair];}
    { .reg .b16 low, high; mov.b32 {low, high}, %a; cvt.f32.f16 %g, high; }
    st.global.f32 [%out], %g;
    st.global.u32 [%out+4], %a;
"""
NARROW = """
    .reg .b32 %a;
    .reg .b16 %h;
    ld.global.s8 %a, [%in+1];
    st.global.u32 [%out], %a;
    ld.global.u8 %h, [%in+1];
    cvt.u32.u16 %a, %h;
    st.global.u32 [%out+4], %a;
    st.global.u8 [%out+8], %h;
"""
LOOP = (
    MINE
    + """
    .reg .pred %p, %q;
    mov.u32 %y, 0;
$L_again:
    .pragma "nounroll";
    setp.eq.u32 %p, %x, 0;
    @%p bra $L_done;
    add.u32 %y, %y, %x;
    sub.u32 %x, %x, 1;
    bra.uni $L_again;
$L_done:
    setp.gt.u32 %q, %y, 100;
    @!%q bra $L_end;
    mov.u32 %y, 100;
$L_end:
"""
    + SAVE
)
SWITCH = (
    MINE
    + """
    targets: .branchtargets $one, $two, $three;
    mov.u32 %y, 0;
    brx.idx %x, targets;
$one: add.u32 %y, %y, 1;
$two: add.u32 %y, %y, 10;
$three: add.u32 %y, %y, 100;
"""
    + SAVE
)
REVERSED = (
    MINE
    + """
    .shared .align 4 .b8 tile[256];
    .reg .b64 %s;
    .reg .b32 %r;
    mov.u32 %r, tile;
    mad.lo.s32 %r, %t, 4, %r;
    st.shared.u32 [%r], %x;
    bar.sync 0;
    mov.u64 %s, tile;
    sub.s32 %z, 63, %t;
    mad.wide.u32 %s, %z, 4, %s;
    ld.shared.u32 %y, [%s];
"""
    + SAVE
)
DYNAMIC = (
    MINE
    + """
    .reg .b64 %s;
    mov.u64 %s, tail;
    mad.wide.u32 %s, %t, 4, %s;
    st.shared.u32 [%s], %x;
    barrier.sync 0;
    ld.shared.u32 %y, [tail+4];
    ld.shared.u32 %z, [first];
    add.u32 %y, %y, %z;
    st.shared.u32 [first], %t;
    cvta.shared.u64 %s, %s;
    ld.u32 %z, [%s];
    add.u32 %y, %y, %z;
"""
    + SAVE
)
EMPTY = MINE + "    .shared .align 8 .b8 unset[8];\n ld.shared.u32 %y, [unset+4];\n" + SAVE
LOCAL = (
    MINE
    + """
    .local .align 8 .b8 __local_depot[16];
    .reg .b64 %SP, %SPL, %l;
    mov.u64 %SPL, __local_depot;
    cvta.local.u64 %SP, %SPL;
    st.local.v2.u32 [%SPL+8], {%x, %t};
    add.u64 %l, %SP, 8;
    ld.u32 %y, [%l+4];
    cvta.to.local.u64 %l, %l;
    ld.local.u32 %z, [%l];
    sub.u32 %y, %z, %y;
"""
    + SAVE
)
CALL = (
    MINE
    + """
    { .param .b32 param0; .param .align 8 .b8 param1[8]; .param .b32 retval0;
      st.param.b32 [param0+0], %x;
      st.param.b32 [param1+4], %t;
      call.uni (retval0), twice_plus, (param0, param1);
      ld.param.b32 %y, [retval0+0]; }
"""
    + SAVE
)
FUNCTION = """
.func (.param .b32 func_retval0) twice_plus(.param .b32 a, .param .align 8 .b8 b[8])
{
    .reg .b32 %r<4>;
    ld.param.u32 %r1, [a];
    ld.param.u32 %r2, [b+4];
    ld.const.u32 %r3, [two+4];
    mad.lo.u32 %r1, %r1, %r3, %r2;
    st.param.b32 [func_retval0+0], %r1;
    ret;
}
"""
ATOMS = (
    MINE
    + """
    ld.param.u64 %at, [atoms_param_1];
    atom.global.add.u32 %y, [%at], %x;
    red.relaxed.gpu.global.max.u32 [%at+4], %x;
    atom.global.cas.b32 %z, [%at+8], 0, %x;
    red.global.add.f32 [%at+12], 0f3F800000;
    atom.global.inc.u32 %z, [%at+16], 9;
"""
)
SHUFFLES = """
    .reg .b32 %x, %y;
    .reg .pred %p;
    mad.wide.u32 %out, %t, 32, %out;
    shfl.sync.bfly.b32 %y, %t, 5, 0x1f, -1;
    st.global.u32 [%out], %y;
    shfl.sync.down.b32 %y|%p, %t, 3, 31, 0xffffffff;
    st.global.u32 [%out+4], %y;
    selp.u32 %y, 1, 0, %p;
    st.global.u32 [%out+8], %y;
    shfl.sync.idx.b32 %y, %t, 2, 0x181f, -1;
    st.global.u32 [%out+12], %y;
    shfl.sync.up.b32 %y, %t, 1, 0, -1;
    st.global.u32 [%out+16], %y;
    setp.lt.u32 %p, %t, 5;
    vote.sync.ballot.b32 %y, %p, -1;
    st.global.u32 [%out+20], %y;
    redux.sync.add.u32 %y, %t, -1;
    st.global.u32 [%out+24], %y;
    bar.warp.sync -1;
    activemask.b32 %x;
    mov.u32 %y, %lanemask_lt;
    and.b32 %y, %x, %y;
    st.global.u32 [%out+28], %y;
"""
PLACES = """
    .reg .b32 %x, %y, %n;
    mov.u32 %x, %ntid.x;
    mov.u32 %y, %tid.y;
    mad.lo.u32 %x, %y, %x, %t;
    mov.u32 %y, %ctaid.x;
    mov.u32 %n, %ntid.y;
    mul.lo.u32 %n, %n, %y;
    mov.u32 %y, %ntid.x;
    mad.lo.u32 %x, %n, %y, %x;
    mad.wide.u32 %out, %x, 4, %out;
    mov.u32 %y, %laneid;
    st.global.u32 [%out], %y;
"""
ODD = """
.visible .entry odd(.param .u32 odd_param_0, .param .u64 odd_param_1) .reqntid 4, 1, 1 { ret; }
.visible .entry exactly(.param .u64 a, .param .u64 b) .reqntid 4, 1, 1 { ret; }
"""
MODULE = """
.extern .shared .align 16 .b8 tail[];
.shared .align 4 .b8 first[4];
.const .align 4 .b32 two[2] = {1, 2};
"""
KERNELS = {"vectors": VECTORS, "scopes": SCOPES, "narrow": NARROW, "loop": LOOP, "switched": SWITCH}
KERNELS |= {"backward": REVERSED, "dynamic": DYNAMIC, "unset": EMPTY, "locals": LOCAL, "calls": CALL}
KERNELS |= {"atoms": ATOMS, "shuffles": SHUFFLES, "places": PLACES}
KERNELS |= {"misaligned": "ld.global.u64 %at, [%in+4];", "null": "mov.u64 %at, 8; ld.global.u32 %t, [%at];"}
KERNELS |= {"outside": ".shared .align 4 .b8 s[8]; mov.u32 %t, s; ld.shared.u32 %t, [%t+8];"}


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    bounds = ".maxntid 64, 1, 1 .minnctapersm 4"
    texts = [entry(name, body, bounds if name == "loop" else "") for name, body in KERNELS.items()]
    return Kernels([MODULE, FUNCTION, ODD, *texts], tmp_path_factory.mktemp("programs"))


def numbers(count):
    return np.arange(count, dtype=np.uint32)


def test_vectors_and_words(kernels):
    given = np.array([1, 2, 3, 4], np.uint32)
    out = kernels.run("vectors", given, np.zeros(8, np.uint32), (1, 1, 1))
    assert out.tolist() == [4, 3, 2, 1, 4, 3, 2, 1]


def test_scopes_and_halves(kernels):
    out = kernels.run("scopes", np.array([1.5], np.float32), np.zeros(2, np.float32), (1, 1, 1))
    assert out[0] == -1.5
    assert out[1:].view(np.float16).tolist() == [1.5, -1.5]


def test_narrow_loads_are_extended(kernels):
    given = np.array([0x8002], np.uint32)
    out = kernels.run("narrow", given, np.zeros(3, np.uint32), (1, 1, 1))
    assert out.tolist() == [0xFFFFFF80, 0x80, 0x80]


def test_loops_and_guards(kernels):
    out = kernels.run("loop", numbers(20), np.zeros(20, np.uint32), (20, 1, 1))
    assert out.tolist() == [min(n * (n + 1) // 2, 100) for n in range(20)]


def test_a_jump_by_a_table(kernels):
    out = kernels.run("switched", np.array([2, 0, 1], np.uint32), np.zeros(3, np.uint32), (3, 1, 1))
    assert out.tolist() == [100, 111, 110]


@pytest.mark.parametrize("backwards", [False, True])
def test_shared_memory_and_barriers(kernels, backwards):
    given = numbers(64) * 7
    out = kernels.run("backward", given, np.zeros(64, np.uint32), (64, 1, 1), backwards=backwards)
    assert out.tolist() == given[::-1].tolist()


def test_dynamic_shared_memory_follows_the_static(kernels):
    """`first` is not set: all bits one, so what is added wraps."""
    given = numbers(8) + 5
    out = kernels.run("dynamic", given, np.zeros(8, np.uint32), (8, 1, 1), dynamic=32, backwards=False)
    first = [2**32 - 1, *range(7)]  # each thread sees what the one before it has left
    assert out.tolist() == [(6 + a + b) % 2**32 for a, b in zip(first, given.tolist(), strict=True)]


def test_shared_memory_begins_as_nan(kernels):
    out = kernels.run("unset", numbers(1), np.zeros(1, np.float32), (1, 1, 1))
    assert np.isnan(out).all()


def test_local_memory_and_generic_addresses(kernels):
    out = kernels.run("locals", numbers(4) * 3, np.zeros(4, np.uint32), (4, 1, 1))
    assert out.tolist() == [0, 2, 4, 6]


def test_calls_and_constants(kernels):
    out = kernels.run("calls", numbers(4) * 10, np.zeros(4, np.uint32), (4, 1, 1))
    assert out.tolist() == [0, 21, 42, 63]


def test_atomics(kernels):
    out = np.zeros(5, np.uint32)
    kernels.run("atoms", numbers(16) + 1, out, (16, 1, 1))
    assert out[[0, 1, 2, 4]].tolist() == [136, 16, 1, 6]
    assert out[3:4].view(np.float32) == 16.0


@pytest.mark.parametrize("backwards", [False, True])
def test_shuffles_votes_and_reductions(kernels, backwards):
    out = kernels.run("shuffles", numbers(1), np.zeros((32, 8), np.uint32), backwards=backwards)
    for lane, row in enumerate(out.tolist()):
        down = lane + 3 if lane < 29 else lane
        wanted = [lane ^ 5, down, int(lane < 29), (lane & 24) + 2, max(lane - 1, 0), 31, 496, 0]
        assert row == wanted


def test_places_of_blocks_and_threads(kernels):
    out = kernels.run("places", numbers(1), np.zeros(3 * 40, np.uint32), (10, 4, 1), blocks=3)
    assert out.tolist() == [n % 40 % 32 for n in range(120)]


@pytest.mark.parametrize(
    ("name", "threads", "words"),
    [
        ("misaligned", 1, "misaligned access at"),
        ("null", 1, "access near the null pointer"),
        ("outside", 1, "access outside of shared memory at 8, 4 bytes, in outside"),
        ("loop", 65, "a block is larger than the kernel's bounds"),
        ("exactly", 3, "a block is of another size than required"),
        ("odd", 4, "parameters lie elsewhere than the kernel's PTX reads them"),
    ],
)
def test_what_a_device_would_not_do_ends_in_an_abort(kernels, name, threads, words):
    code = "import ctypes; from ctypes import c_uint, c_void_p; data = (ctypes.c_ulonglong * 999)()\n"
    code += f"size, run = (c_uint * 3)({threads}, 1, 1), ctypes.CDLL({str(kernels.path)!r}).run_kernel\n"
    code += "there = c_void_p(ctypes.addressof(data))\n"
    code += f"run({name.encode()!r}, 1, size, 0, there, there, 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode < 0
    assert words in done.stderr
