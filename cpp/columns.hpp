// SPDX-License-Identifier: BSD-3-Clause
// The numbers of a block of right-hand sides, one a column each: the state of the iteration, which the host keeps, and
// what ColumnValues (verbs.hpp) shows the loops of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "device.hpp"
#include "verbs.hpp"

namespace headfield {

class Columns {
    using Values = std::vector<double>;

public:
    explicit Columns(int width) : w_(width), numbers_(count * w_) {
        reset();
        numbers_.push(0, count * w_);
    }

    Values rz_old;                             // r·z of the last iteration
    Values scale, cycle, next_cycle;           // powers of two, see ColumnValues
    Values active, pending, direction, check;  // masks: it iterates; x lacks α p; p is kept; it wants float64

    // What the loops have left, after pull().
    double* rz() { return numbers_.host(); }
    double* pq() { return numbers_.host() + w_; }
    double* norm2() { return numbers_.host() + 2 * w_; }

    // For a new solve: nothing is active, and factors are 1.
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

    // Shows the loops the state; pull() brings what they have left.
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
    void pull() { numbers_.pull(0, sums * w_); }

private:
    static constexpr std::size_t sums = 3, count = 11;

    std::size_t w_;
    Mirror numbers_;
};

}  // namespace headfield
