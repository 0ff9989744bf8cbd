// SPDX-License-Identifier: BSD-3-Clause
// The numbers of a block of right-hand sides, one a column each. The host keeps the state of the iteration and decides
// with it (pcg.cpp); the loops need factors that follow from it, which are exchanged once an iteration (ColumnValues,
// verbs.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "device.hpp"
#include "verbs.hpp"

namespace headfield {

// The state of W columns, and (11, W) numbers that the loops see: rows 0 to 2 are the sums that they leave, the others
// are what push() makes of the state, in the order of ColumnValues.
class Columns {
    using Values = std::vector<double>;

public:
    explicit Columns(int width) : w_(width), numbers_(count * w_) {
        reset();
        numbers_.push(0, count * w_);
    }

    Values rz_old;                    // r·z of the last iteration
    Values scale, cycle, next_cycle;  // powers of two, see ColumnValues
    // Masks, 1 or 0: it iterates; x still lacks α p of the last step; the next p continues the last one; its residual
    // is to be computed in float64.
    Values active, pending, direction, check;

    // What the loops have left, after pull().
    double* rz() { return numbers_.host(); }
    double* pq() { return numbers_.host() + w_; }
    double* norm2() { return numbers_.host() + 2 * w_; }

    // Makes the state that of a new solve: no column is active, and all factors are 1.
    void reset() {
        for (Values* v : {&rz_old, &active, &pending, &direction, &check}) v->assign(w_, 0.0);
        for (Values* v : {&scale, &cycle, &next_cycle}) v->assign(w_, 1.0);
        std::fill_n(numbers_.host(), count * w_, 0.0);
    }

    ColumnValues values() {
        double* d = numbers_.device();
        auto at = [&](std::size_t i) { return d + i * w_; };
        return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10)};
    }

    // Shows the loops the state. They divide by r·z and p·q of this iteration themselves, so that the host is not asked
    // between the steps of one: factors hold what is known before, and undo the scale of the V-cycle's residual.
    void push() {
        auto fill = [&](std::size_t i, auto value) {
            for (std::size_t j = 0; j < w_; ++j) numbers_.host()[i * w_ + j] = value(j);
        };
        fill(3, [&](std::size_t j) { return active[j] / (cycle[j] * cycle[j]); });
        fill(4, [&](std::size_t j) { return direction[j] != 0.0 ? 1.0 / (rz_old[j] * cycle[j] * cycle[j]) : 0.0; });
        fill(5, [&](std::size_t j) { return pending[j] != 0.0 ? rz_old[j] / pq()[j] : 0.0; });
        fill(6, [&](std::size_t j) { return 1.0 / cycle[j]; });
        fill(7, [&](std::size_t j) { return next_cycle[j]; });
        fill(8, [&](std::size_t j) { return scale[j]; });
        fill(9, [&](std::size_t j) { return check[j]; });
        fill(10, [&](std::size_t j) { return check[j] / scale[j]; });
        numbers_.push(sums * w_, count * w_);
    }
    // Brings the sums that the loops have left, after it has waited for them.
    void pull() { numbers_.pull(0, sums * w_); }

private:
    static constexpr std::size_t sums = 3, count = 11;

    std::size_t w_;
    Mirror numbers_;
};

}  // namespace headfield
