// SPDX-License-Identifier: BSD-3-Clause
// Runs a translated kernel by its name, for the tests of the translator; linked with the kernels.
#include "../emulated/ptx.hpp"

extern "C" const ptx::Entry* ptx_entries(unsigned table, unsigned* count);

// A kernel of two parameters, pointers to what it reads and writes. Returns 0, or 1 where no kernel is called so.
extern "C" int run_kernel(const char* name, unsigned blocks, const unsigned threads[3], unsigned dynamic_bytes,
                          const void* in, void* out, int reversed) {
    unsigned count = 0, table = 0;
    while (const ptx::Entry* first = ptx_entries(table++, &count)) {
        for (unsigned i = 0; i < count; ++i) {
            if (std::strcmp(first[i].name, name)) continue;
            emulated::Arguments arguments;
            arguments.add(&in, sizeof in, alignof(const void*));
            arguments.add(&out, sizeof out, alignof(void*));
            const dim3 block(threads[0], threads[1], threads[2]);
            emulated::run_ptx(first[i], arguments, blocks, block, dynamic_bytes, reversed != 0);
            return 0;
        }
    }
    return 1;
}
