// SPDX-License-Identifier: BSD-3-Clause
#include "poll.hpp"

namespace headfield {

void ask(const Poll& poll) { poll(); }

}  // namespace headfield
