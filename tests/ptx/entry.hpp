// SPDX-License-Identifier: BSD-3-Clause
// What the translated kernels and the emulation that runs them agree on. It is compiled into both, which are different
// libraries, so there is nothing in it but plain structs and pointers to functions.
#pragma once

#include <cstdint>

namespace ptx {

struct Coordinates {
    unsigned x, y, z;
};

// What one thread of a launch knows, and what it asks of the emulation.
struct Context {
    const unsigned char* parameters;
    Coordinates thread, block, threads, blocks;  // threadIdx, blockIdx, blockDim, gridDim
    unsigned char* shared;
    uint32_t static_bytes, shared_bytes;  // static, and all with the dynamic part behind it
    const char* kernel;
    void (*barrier)();
    // Waits for the lanes of the warp that the mask names; returns what lane `source` gave.
    uint64_t (*meet)(bool shuffling, unsigned mask, uint64_t value, unsigned source);
};

// Where a parameter of a kernel lies among the bytes of all.
struct Parameter {
    uint32_t offset, bytes;
};

// A translated kernel, with what its PTX says of it.
struct Entry {
    const char* name;  // as c++filt gives it
    void (*run)(const Context&);
    const Parameter* parameters;
    uint32_t count, parameter_bytes, shared_bytes;
    uint32_t most_threads, exact_threads;  // of a block, by .maxntid and .reqntid; 0 where the kernel has none
};

}  // namespace ptx
