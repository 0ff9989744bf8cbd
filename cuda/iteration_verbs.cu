// SPDX-License-Identifier: BSD-3-Clause
// The conjugate-gradient iteration's verbs on a GPU: what a row does is in cpp/rows.hpp, the loops over rows are in
// loops.hpp. This file compiles the kernels of one table, so that nvcc makes those of both side by side.
#include "../cpp/iteration_table.hpp"
#include "loops.hpp"

namespace headfield {

const IterationVerbs& device_iteration() { return iteration; }

}  // namespace headfield
