// SPDX-License-Identifier: BSD-3-Clause
// Points taken are kept in cells that are at least as wide as the distance, so that only 27 cells need a look.
#include "thinning.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "vec3.hpp"

namespace headfield {

namespace {

constexpr double most_cells = 4e6;

// The cells of a box around all points, each with a chain of the points taken in it.
class Cells {
public:
    Cells(const Vec3* points, int64_t n, double distance)
        : points_(points), square_(distance * distance), next_(n, -1) {
        low_ = points[0];
        Vec3 high = points[0];
        for (int64_t i = 1; i < n; ++i) {
            for (int d = 0; d < 3; ++d) {
                low_[d] = std::min(low_[d], points[i][d]);
                high[d] = std::max(high[d], points[i][d]);
            }
        }
        const Vec3 size = high - low_;
        edge_ = distance;
        while (count(size.x) * count(size.y) * count(size.z) > most_cells) edge_ *= 1.25;
        for (int d = 0; d < 3; ++d) shape_[d] = static_cast<int64_t>(count(size[d]));
        first_.assign(shape_[0] * shape_[1] * shape_[2], -1);
    }

    // Takes point i unless one that was taken is too close; returns whether it did.
    bool take(int64_t i) {
        int64_t at[3], begin[3], end[3];
        for (int d = 0; d < 3; ++d) {
            at[d] = std::min(static_cast<int64_t>((points_[i][d] - low_[d]) / edge_), shape_[d] - 1);
            begin[d] = std::max<int64_t>(at[d] - 1, 0);
            end[d] = std::min(at[d] + 2, shape_[d]);
        }
        for (int64_t x = begin[0]; x < end[0]; ++x) {
            for (int64_t y = begin[1]; y < end[1]; ++y) {
                for (int64_t z = begin[2]; z < end[2]; ++z) {
                    for (int64_t k = first_[cell(x, y, z)]; k >= 0; k = next_[k]) {
                        const Vec3 apart = points_[k] - points_[i];
                        if (dot(apart, apart) < square_) return false;
                    }
                }
            }
        }
        int64_t& first = first_[cell(at[0], at[1], at[2])];
        next_[i] = first;
        first = i;
        return true;
    }

private:
    double count(double size) const { return std::floor(size / edge_) + 1; }
    int64_t cell(int64_t x, int64_t y, int64_t z) const { return (x * shape_[1] + y) * shape_[2] + z; }

    const Vec3* points_;
    double square_, edge_;
    Vec3 low_;
    int64_t shape_[3];
    std::vector<int64_t> first_, next_;
};

// A step that visits all of n, far apart ones after each other: near the golden section of n, and coprime to it.
int64_t stride(int64_t n) {
    auto step = std::max<int64_t>(1, static_cast<int64_t>(0.6180339887498949 * static_cast<double>(n)));
    while (std::gcd(step, n) != 1) ++step;
    return step;
}

}  // namespace

std::vector<int64_t> thinned(const double* points, int64_t n, double distance) {
    std::vector<int64_t> taken;
    if (n == 0) return taken;
    const auto* rows = reinterpret_cast<const Vec3*>(points);
    Cells cells(rows, n, distance);
    const int64_t step = stride(n);
    for (int64_t k = 0, i = 0; k < n; ++k, i = (i + step) % n) {
        if (cells.take(i)) taken.push_back(i);
    }
    std::sort(taken.begin(), taken.end());
    return taken;
}

}  // namespace headfield
