// SPDX-License-Identifier: BSD-3-Clause
// The V-cycle's verbs on a GPU: what a row does is cpp/rows.hpp, the loops are loops.hpp.
#include "../cpp/cycle_table.hpp"
#include "loops.hpp"

namespace headfield {

const CycleVerbs& device_cycle() { return cycle; }

}  // namespace headfield
