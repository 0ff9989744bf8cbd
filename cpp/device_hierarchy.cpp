// SPDX-License-Identifier: BSD-3-Clause
// On the CPU the loops work on the hierarchy as it was built: here are only views of it.
#include "device_hierarchy.hpp"

namespace headfield {

DeviceHierarchy::DeviceHierarchy(Hierarchy&& host) : memory_(std::move(host)) {
    measure(memory_);
    for (const Level& l : memory_.levels) {
        levels.push_back({l.a.view(), l.p.view(), l.ap.view(), l.pt.view(), l.smoother});
    }
    if (memory_.coarse_inverse.size()) coarse_inverse = {levels.back().a.rows, memory_.coarse_inverse.data()};
    fine32 = levels.front().a;
    fine64 = {fine32.rows, fine32.cols, fine32.ptr, fine32.col, memory_.values64.data()};
    scale = memory_.scale.data();
    unscale = memory_.unscale.data();
    weight = memory_.weight.data();
}

}  // namespace headfield
