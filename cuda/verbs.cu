// SPDX-License-Identifier: BSD-3-Clause
// The solver's verbs on a GPU: what a row does is cpp/rows.hpp, the loops are loops.hpp.
#include "../cpp/verb_table.hpp"
#include "loops.hpp"

namespace headfield {

const Verbs& device_verbs() { return table; }

}  // namespace headfield
