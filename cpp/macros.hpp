// SPDX-License-Identifier: BSD-3-Clause
// How the same source is compiled for the host, for a GPU, and for several instruction sets.
#pragma once

// Functions that hold for one element or one dipole compile for the host and, under nvcc, for the device.
#if defined(__CUDACC__)
#define HEADFIELD_HD __host__ __device__
#else
#define HEADFIELD_HD
#endif

// The CPU loops are compiled once per instruction set, each in a namespace of its own: were the names the same, the
// linker would keep one copy of each inline function, and could hand code for a newer processor to an older one.
#ifndef HEADFIELD_ISA
#define HEADFIELD_ISA portable
#endif
