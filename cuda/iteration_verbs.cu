// SPDX-License-Identifier: BSD-3-Clause
// The conjugate-gradient iteration's verbs on a GPU: what a row does is cpp/rows.hpp, the loops are loops.hpp.
#include "../cpp/iteration_table.hpp"
#include "loops.hpp"

namespace headfield {

const IterationVerbs& device_iteration() { return iteration; }

}  // namespace headfield
