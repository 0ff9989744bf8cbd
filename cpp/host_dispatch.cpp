// SPDX-License-Identifier: BSD-3-Clause
// The loops for the instruction set that was chosen which run on the host in both modules, unlike those of
// dispatch.cpp.
#include <stdexcept>
#include <string>

#include "current_loops.hpp"
#include "dense_product.hpp"
#include "instruction_sets.hpp"
#include "mode_sums.hpp"
#include "table_sums.hpp"

namespace headfield {

#define HEADFIELD_DECLARE(ISA)                                                                                   \
    namespace ISA {                                                                                              \
    CurrentKernels current_loops();                                                                              \
    void product_loop(int64_t rows, int64_t inner, int64_t columns, const float* a, const float* b, float* out); \
    void mode_sums_loop(const ModeView& m, int64_t sets, const float* weights, float* out);                      \
    void table_sums_loop(const std::vector<TableView>& tables, const TableSources& sources, int64_t k,           \
                         const double* poses, double* sums);                                                     \
    }
#if defined(HEADFIELD_HAS_portable)
HEADFIELD_DECLARE(portable)
#endif
#if defined(HEADFIELD_HAS_avx2)
HEADFIELD_DECLARE(avx2)
#endif
#if defined(HEADFIELD_HAS_avx512)
HEADFIELD_DECLARE(avx512)
#endif
#undef HEADFIELD_DECLARE

namespace {

struct HostLoops {
    CurrentKernels currents;
    DenseProduct product;
    ModeSums modes;
    TableSums tables;
};

#define HEADFIELD_LOOPS(ISA) {ISA::current_loops(), ISA::product_loop, ISA::mode_sums_loop, ISA::table_sums_loop}

HostLoops choose() {
    const std::string name = chosen_instruction_set();
    HostLoops found{};
#if defined(HEADFIELD_HAS_portable)
    if (name == "portable") found = HEADFIELD_LOOPS(portable);
#endif
#if defined(HEADFIELD_HAS_avx2)
    if (name == "avx2") found = HEADFIELD_LOOPS(avx2);
#endif
#if defined(HEADFIELD_HAS_avx512)
    if (name == "avx512") found = HEADFIELD_LOOPS(avx512);
#endif
    if (found.product == nullptr) throw std::logic_error("no host loops for " + name);
    return found;
}

#undef HEADFIELD_LOOPS

const HostLoops& chosen() {
    static const HostLoops loops = choose();
    return loops;
}

}  // namespace

const CurrentKernels& current_kernels() { return chosen().currents; }

DenseProduct dense_product() { return chosen().product; }

ModeSums mode_sums() { return chosen().modes; }

TableSums table_sums() { return chosen().tables; }

}  // namespace headfield
