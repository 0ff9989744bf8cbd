// SPDX-License-Identifier: BSD-3-Clause
// CMake says by HEADFIELD_HAS_… for which instruction sets the loops were compiled.
#include "instruction_sets.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace headfield {

namespace {

// Those that were compiled and that this machine can run, the best first.
std::vector<const char*> usable() {
    std::vector<const char*> found;
#if defined(HEADFIELD_HAS_avx2) || defined(HEADFIELD_HAS_avx512)
    __builtin_cpu_init();
    const bool avx2_here = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if defined(HEADFIELD_HAS_avx512)
    if (avx2_here && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        found.push_back("avx512");
    }
#endif
#if defined(HEADFIELD_HAS_avx2)
    if (avx2_here) found.push_back("avx2");
#endif
#if defined(HEADFIELD_HAS_portable)
    found.push_back("portable");
#endif
    return found;
}

const char* choose() {
    const char* asked = std::getenv("HEADFIELD_INSTRUCTION_SET");
    const std::string wanted = asked ? asked : "";
    for (const char* one : usable()) {
        if (wanted.empty() || wanted == one) return one;
    }
    if (wanted.empty()) {
        throw std::runtime_error("headfield was compiled for instruction sets that this machine lacks");
    }
    throw std::invalid_argument("HEADFIELD_INSTRUCTION_SET=" + wanted +
                                " is not avx512, avx2 or portable, or this machine lacks it");
}

}  // namespace

const char* chosen_instruction_set() {
    static const char* const chosen = choose();
    return chosen;
}

const std::vector<const char*>& compiled_instruction_sets() {
    static const std::vector<const char*> compiled = {
#if defined(HEADFIELD_HAS_avx512)
        "avx512",
#endif
#if defined(HEADFIELD_HAS_avx2)
        "avx2",
#endif
#if defined(HEADFIELD_HAS_portable)
        "portable",
#endif
    };
    return compiled;
}

}  // namespace headfield
