// SPDX-License-Identifier: BSD-3-Clause
// What the translated kernels and the emulation that runs them agree on; compiled into both.
#pragma once

#include <cstdint>

namespace ptx {

struct Coordinates {
    unsigned x, y, z;
};

// What one thread of a launch knows, and what it asks of the emulation.
struct Context {
    const unsigned char* parameters;
    Coordinates thread, block, threads, blocks;  // of a block: `threads`, of the grid: `blocks`
    unsigned char* shared;
    uint32_t static_bytes, shared_bytes;  // dynamic shared memory follows the static one
    const char* kernel;
    void (*barrier)();
    // Waits for the lanes in the mask; returns what lane `source` gave.
    uint64_t (*meet)(bool shuffling, unsigned mask, uint64_t value, unsigned source);
};

struct Parameter {
    uint32_t offset, bytes;
};

struct Entry {
    const char* name;  // as c++filt gives it
    void (*run)(const Context&);
    const Parameter* parameters;
    uint32_t count, parameter_bytes, shared_bytes;
    uint32_t most_threads, exact_threads;  // of a block; 0 where the kernel doesn't say
};

}  // namespace ptx
