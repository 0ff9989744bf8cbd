// SPDX-License-Identifier: BSD-3-Clause
// Chooses, once, the loops that were compiled for the best instruction set this machine has. The environment variable
// HEADFIELD_INSTRUCTION_SET asks for a lesser one by name. CMake says by HEADFIELD_HAS_… which ones were compiled.
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.hpp"

// What the object files of one instruction set offer. Headers declare it for the one that a file is compiled for; this
// file calls that of all.
#define HEADFIELD_DECLARE_LOOPS(isa)         \
    namespace isa {                          \
    const CycleVerbs& cycle_verbs();         \
    const IterationVerbs& iteration_verbs(); \
    PrimaryKernels primary_kernels();        \
    FieldKernels field_kernels();            \
    RecoveryKernels recovery_kernels();      \
    TransposeKernels transpose_kernels();    \
    }

namespace headfield {

#if defined(HEADFIELD_HAS_portable)
HEADFIELD_DECLARE_LOOPS(portable)
#endif
#if defined(HEADFIELD_HAS_avx2)
HEADFIELD_DECLARE_LOOPS(avx2)
#endif
#if defined(HEADFIELD_HAS_avx512)
HEADFIELD_DECLARE_LOOPS(avx512)
#endif

namespace {

// All tables of one instruction set.
struct Variant {
    const char* name;
    const CycleVerbs& cycle;
    const IterationVerbs& iteration;
    PrimaryKernels primary;
    FieldKernels field;
    RecoveryKernels recovery;
    TransposeKernels transposes;
};

#define HEADFIELD_VARIANT(isa)                                                                          \
    Variant {                                                                                           \
        #isa, isa::cycle_verbs(), isa::iteration_verbs(), isa::primary_kernels(), isa::field_kernels(), \
            isa::recovery_kernels(), isa::transpose_kernels()                                           \
    }

// Those that were compiled and that this machine can run, the best first.
std::vector<Variant> usable() {
    std::vector<Variant> found;
#if defined(HEADFIELD_HAS_avx2) || defined(HEADFIELD_HAS_avx512)
    __builtin_cpu_init();
    const bool avx2_here = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if defined(HEADFIELD_HAS_avx512)
    if (avx2_here && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        found.push_back(HEADFIELD_VARIANT(avx512));
    }
#endif
#if defined(HEADFIELD_HAS_avx2)
    if (avx2_here) {
        found.push_back(HEADFIELD_VARIANT(avx2));
    }
#endif
#if defined(HEADFIELD_HAS_portable)
    found.push_back(HEADFIELD_VARIANT(portable));
#endif
    return found;
}

// Chooses the best, or the one that the environment asks for by name.
Variant choose() {
    const std::vector<Variant> found = usable();
    const char* asked = std::getenv("HEADFIELD_INSTRUCTION_SET");
    const std::string wanted = asked ? asked : "";
    for (const Variant& one : found) {
        if (wanted.empty() || wanted == one.name) {
            return one;
        }
    }
    if (wanted.empty()) {
        throw std::runtime_error("headfield was compiled for instruction sets that this machine lacks");
    }
    throw std::invalid_argument("HEADFIELD_INSTRUCTION_SET=" + wanted +
                                " is not avx512, avx2 or portable, or this machine lacks it");
}

// The choice of the first call holds for the process.
const Variant& variant() {
    static const Variant chosen = choose();
    return chosen;
}

}  // namespace

const CycleVerbs& device_cycle() { return variant().cycle; }
const IterationVerbs& device_iteration() { return variant().iteration; }
const PrimaryKernels& device_primary() { return variant().primary; }
const FieldKernels& device_field() { return variant().field; }
const RecoveryKernels& device_recovery() { return variant().recovery; }
const TransposeKernels& device_transposes() { return variant().transposes; }
const char* instruction_set() { return variant().name; }

}  // namespace headfield
