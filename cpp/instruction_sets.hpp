// SPDX-License-Identifier: BSD-3-Clause
// Which of the instruction sets that the loops were compiled for a process uses.
#pragma once

#include <vector>

namespace headfield {

// The best that this machine has of portable, avx2 and avx512, or the one that the environment variable
// HEADFIELD_INSTRUCTION_SET asks for by name; the choice of the first call holds for the process. Throws
// std::runtime_error if there is none, and std::invalid_argument if the one that is asked for is not among them.
const char* chosen_instruction_set();

// Those that the loops were compiled for, the best first; this machine may lack some.
const std::vector<const char*>& compiled_instruction_sets();

}  // namespace headfield
