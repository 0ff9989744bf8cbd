// SPDX-License-Identifier: BSD-3-Clause
// Chooses, once, the loops that were compiled for the instruction set of this process (instruction_sets.hpp). CMake says by
// HEADFIELD_HAS_… which ones were compiled.
#include <stdexcept>
#include <string>

#include "instruction_sets.hpp"
#include "kernels.hpp"

// What the object files of one instruction set offer. Headers declare it for the one that a file is compiled for; this
// file calls that of all.
#define HEADFIELD_DECLARE_LOOPS(isa)         \
    namespace isa {                          \
    const CycleVerbs& cycle_verbs();         \
    const IterationVerbs& iteration_verbs(); \
    PrimaryKernels primary_kernels();        \
    SlopeKernels slope_kernels();            \
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
    SlopeKernels slopes;
    FieldKernels field;
    RecoveryKernels recovery;
    TransposeKernels transposes;
};

#define HEADFIELD_VARIANT(isa)                                                                          \
    Variant {                                                                                           \
        #isa, isa::cycle_verbs(), isa::iteration_verbs(), isa::primary_kernels(), isa::slope_kernels(), \
            isa::field_kernels(), isa::recovery_kernels(), isa::transpose_kernels()                     \
    }

// That of the instruction set which was chosen.
Variant choose() {
    const std::string name = chosen_instruction_set();
#if defined(HEADFIELD_HAS_avx512)
    if (name == "avx512") return HEADFIELD_VARIANT(avx512);
#endif
#if defined(HEADFIELD_HAS_avx2)
    if (name == "avx2") return HEADFIELD_VARIANT(avx2);
#endif
#if defined(HEADFIELD_HAS_portable)
    if (name == "portable") return HEADFIELD_VARIANT(portable);
#endif
    throw std::runtime_error("headfield was not compiled for " + name);
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
const SlopeKernels& device_slopes() { return variant().slopes; }
const FieldKernels& device_field() { return variant().field; }
const RecoveryKernels& device_recovery() { return variant().recovery; }
const TransposeKernels& device_transposes() { return variant().transposes; }
const char* instruction_set() { return variant().name; }

}  // namespace headfield
