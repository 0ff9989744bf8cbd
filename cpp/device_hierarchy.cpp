// SPDX-License-Identifier: BSD-3-Clause
// On the CPU the loops work on the hierarchy as it was built: here are only views of it, and the order of rows by length.
#include "device_hierarchy.hpp"

#include <algorithm>
#include <array>

namespace headfield {

namespace {

Buffer<uint16_t> rows_by_length(const Csr<float>& m) {
    Buffer<uint16_t> order(m.rows);
#pragma omp parallel for schedule(static) if (m.rows > few_rows)
    for (int32_t begin = 0; begin < m.rows; begin += window_rows) {
        const int32_t count = std::min(window_rows, m.rows - begin);
        std::array<int64_t, window_rows> keys;
        for (int32_t i = 0; i < count; ++i) {
            keys[i] = int64_t(m.ptr[begin + i + 1] - m.ptr[begin + i]) * window_rows + i;
        }
        std::sort(keys.begin(), keys.begin() + count);
        for (int32_t i = 0; i < count; ++i) order[begin + i] = static_cast<uint16_t>(keys[i] % window_rows);
    }
    return order;
}

}  // namespace

DeviceHierarchy::DeviceHierarchy(Hierarchy&& host) : memory_(std::move(host)) {
    measure(memory_);
    const auto ordered = [this](const Csr<float>& m) -> Matrix {
        orders_.push_back(rows_by_length(m));
        return {m.view(), orders_.back().data()};
    };
    for (const Level& l : memory_.levels) {
        levels.push_back({ordered(l.a), ordered(l.p), ordered(l.ap), ordered(l.pt), l.smoother});
    }
    if (memory_.coarse_inverse.size()) coarse_inverse = {levels.back().a.rows, memory_.coarse_inverse.data()};
    fine32 = levels.front().a;
    fine64 = {fine32.rows, fine32.cols, fine32.ptr, fine32.col, memory_.values64.data()};
    scale = memory_.scale.data();
    unscale = memory_.unscale.data();
    weight = memory_.weight.data();
}

std::vector<double> DeviceHierarchy::scale_on_host() const { return std::vector<double>(scale, scale + size()); }

}  // namespace headfield
