# SPDX-License-Identifier: BSD-3-Clause
"""What nvcc made of the kernels, run on a CPU.

The emulation of CUDA (tests/emulated) runs kernels that the host's compiler compiled. Here the PTX that nvcc
emits for the same kernels is translated to C++, statement by statement, and the emulation runs that in their
place: an independent check of what nvcc compiled. `reader` reads PTX, `forms` says what each instruction
computes, `instructions` what those do that are more than a function of their operands, `translator` writes
the C++, `library` builds it and tells the emulation which kernel is which, `nvcc` compiles kernels with the
flags of the build, once for all that looks at them (`kept`). `python tests/compiled.py`, or `make test-ptx`,
does all of it and runs the tests.

A kernel that passes computes what the tests ask of it as nvcc compiled it: the code that NVVM generated, the
layout of parameters and of shared memory, alignment of every access, bounds of shared memory (which is filled
with NaN before each block) and of parameters, the size of a block against its launch bounds. An instruction
that the translator doesn't know is an error that names it and its kernel.

It doesn't show what comes after PTX: ptxas and its registers, threads that really run at the same time (they
run one after the other between barriers, so a race may show or not), caches and the order in which memory is
written, instructions that the hardware approximates (rsqrt.approx and the like are computed to the last digit
here), and time. Asynchronous copies, mbarriers, tensor cores, textures and clusters are errors.
"""
