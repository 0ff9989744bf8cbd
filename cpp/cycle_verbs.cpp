// SPDX-License-Identifier: BSD-3-Clause
// The V-cycle's verbs on CPU cores: SIMD over columns, threads over chunks of rows. Compiled once per instruction set,
// so no standard-library templates here: the linker keeps one copy of such a function, which may be the one compiled
// for a newer processor (see macros.hpp). A sum over rows is taken within fixed chunks of rows, then over the chunks in
// order.
#include "cycle_table.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

const CycleVerbs& cycle_verbs() { return cycle; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
