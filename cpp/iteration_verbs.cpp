// SPDX-License-Identifier: BSD-3-Clause
// The conjugate-gradient iteration's verbs on CPU cores: SIMD over columns, threads over chunks of rows. Compiled once
// per instruction set, so no standard-library templates here, as in cycle_verbs.cpp. A sum over rows is taken within
// fixed chunks of rows, then over the chunks in order.
#include "iteration_table.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

const IterationVerbs& iteration_verbs() { return iteration; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
