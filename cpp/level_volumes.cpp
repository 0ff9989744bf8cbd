// SPDX-License-Identifier: BSD-3-Clause
// Points are counted by the thresholds between which their values lie: whole numbers, so that threads add up alike.
#include "level_volumes.hpp"

#include <algorithm>

namespace headfield {

namespace {

constexpr int points = 8;

// The values at the corners of a cell become those halfway between its middle and them.
void move_inwards(float* v) {
    for (int axis = 1; axis <= 4; axis *= 2) {
        for (int i = 0; i < points; ++i) {
            if (i & axis) continue;
            const float a = v[i], b = v[i | axis];
            v[i] = 0.75F * a + 0.25F * b;
            v[i | axis] = 0.25F * a + 0.75F * b;
        }
    }
}

}  // namespace

std::vector<double> volumes_above(const float* level, const std::array<int64_t, 3>& shape,
                                  const std::vector<float>& thresholds) {
    const auto [nx, ny, nz] = shape;
    const auto n = static_cast<int64_t>(thresholds.size());
    auto below = [&](float value) {
        return std::lower_bound(thresholds.begin(), thresholds.end(), value) - thresholds.begin();
    };
    std::vector<int64_t> total(n + 1, 0);  // points above so many thresholds
    int64_t* count = total.data();
#pragma omp parallel for schedule(static) reduction(+ : count[ : n + 1])
    for (int64_t x = 0; x < nx - 1; ++x) {
        for (int64_t y = 0; y < ny - 1; ++y) {
            const float* row = level + (x * ny + y) * nz;
            for (int64_t z = 0; z < nz - 1; ++z) {
                float v[points];
                for (int i = 0; i < points; ++i) v[i] = row[((i >> 2 & 1) * ny + (i >> 1 & 1)) * nz + z + (i & 1)];
                const auto [low, high] = std::minmax_element(v, v + points);
                const auto lowest = below(*low);
                if (lowest == below(*high)) {
                    count[lowest] += points;
                    continue;
                }
                move_inwards(v);
                for (const float value : v) ++count[below(value)];
            }
        }
    }
    std::vector<double> volumes(n);
    int64_t above = 0;
    for (int64_t t = n - 1; t >= 0; --t) {
        above += total[t + 1];
        volumes[t] = static_cast<double>(above) / points;
    }
    return volumes;
}

}  // namespace headfield
