// SPDX-License-Identifier: BSD-3-Clause
// Chooses, once, the loops that were compiled for the best instruction set this machine has. The environment variable
// HEADFIELD_INSTRUCTION_SET asks for a lesser one by name.
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels.hpp"

namespace headfield {

// Headers declare these for one instruction set, the one that a file is compiled for. This file calls those of all.
namespace portable {
const CycleVerbs& cycle_verbs();
const IterationVerbs& iteration_verbs();
PrimaryKernels primary_kernels();
FieldKernels field_kernels();
RecoveryKernels recovery_kernels();
TransposeKernels transpose_kernels();
}  // namespace portable
#if defined(HEADFIELD_X86_VARIANTS)
namespace avx2 {
const CycleVerbs& cycle_verbs();
const IterationVerbs& iteration_verbs();
PrimaryKernels primary_kernels();
FieldKernels field_kernels();
RecoveryKernels recovery_kernels();
TransposeKernels transpose_kernels();
}  // namespace avx2
namespace avx512 {
const CycleVerbs& cycle_verbs();
const IterationVerbs& iteration_verbs();
PrimaryKernels primary_kernels();
FieldKernels field_kernels();
RecoveryKernels recovery_kernels();
TransposeKernels transpose_kernels();
}  // namespace avx512
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

// Chooses the best that this machine has or, by name, the one that the environment asks for; throws
// std::invalid_argument where that can't be. Where only `portable` is compiled the environment is not looked at.
Variant choose() {
#if defined(HEADFIELD_X86_VARIANTS)
    const char* wanted = std::getenv("HEADFIELD_INSTRUCTION_SET");
    const bool any = !wanted || !*wanted;
    __builtin_cpu_init();
    const bool avx2_here = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512_here = avx2_here && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    if (avx512_here && (any || !std::strcmp(wanted, "avx512"))) {
        return {"avx512",
                avx512::cycle_verbs(),
                avx512::iteration_verbs(),
                avx512::primary_kernels(),
                avx512::field_kernels(),
                avx512::recovery_kernels(),
                avx512::transpose_kernels()};
    }
    if (avx2_here && (any || !std::strcmp(wanted, "avx2"))) {
        return {"avx2",
                avx2::cycle_verbs(),
                avx2::iteration_verbs(),
                avx2::primary_kernels(),
                avx2::field_kernels(),
                avx2::recovery_kernels(),
                avx2::transpose_kernels()};
    }
    if (!any && std::strcmp(wanted, "portable")) {
        throw std::invalid_argument(std::string("HEADFIELD_INSTRUCTION_SET=") + wanted +
                                    " is not avx512, avx2 or portable, or this machine lacks it");
    }
#endif
    return {"portable",
            portable::cycle_verbs(),
            portable::iteration_verbs(),
            portable::primary_kernels(),
            portable::field_kernels(),
            portable::recovery_kernels(),
            portable::transpose_kernels()};
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
