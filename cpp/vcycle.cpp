// SPDX-License-Identifier: BSD-3-Clause
// The V-cycle over the verbs, compiled for each device as it stands.
#include "vcycle.hpp"

namespace headfield {

VCycle::VCycle(const DeviceHierarchy& hierarchy, int width) : h_(hierarchy), cycle_(device_cycle()), width_(width) {
    const size_t w = width;
    for (size_t l = 0; l < h_.levels.size(); ++l) {
        const size_t rows = h_.levels[l].a.rows;
        const bool inverted = l + 1 == h_.levels.size() && h_.coarse_inverse.val;  // one product: no residual, no guess
        LevelVectors v;
        v.b = DeviceBuffer<Real>(l == 0 ? 0 : rows * w);
        v.x = DeviceBuffer<Real>(inverted && scaled_cycle ? 0 : rows * w);
        v.r = DeviceBuffer<Real>(inverted ? 0 : rows * w);
        if constexpr (scaled_cycle) v.z = DeviceBuffer<float>(rows * w);
        vectors_.push_back(std::move(v));
    }
}

// Where level l leaves its solution: over x where that is float too.
float* VCycle::solution(size_t l) { return if_scaled(vectors_[l].z.data(), vectors_[l].x.data()); }

// The cycle from level l down; only the finest level sums b · z. A last level that was too large to invert is only
// smoothed.
void VCycle::descend(size_t l, const Real* b, Sums dot, const Poll& poll) {
    const LevelView& level = h_.levels[l];
    const bool last = l + 1 == h_.levels.size();
    const Real* dot_with = l == 0 ? b : nullptr;
    if (last && h_.coarse_inverse.val) {
        cycle_.apply_dense(width_, h_.coarse_inverse, b, solution(l));
        if (dot_with) cycle_.sum_products(width_, level.a.rows, b, solution(l), dot);
        return;
    }
    Real *x = vectors_[l].x.data(), *r = vectors_[l].r.data();
    const float* e = nullptr;
    cycle_.smooth_from_zero(width_, level.a, level.smoother, b, x);
    poll_between_loops(poll);
    cycle_.residual(width_, level.a, b, x, r);
    poll_between_loops(poll);
    if (!last) {
        cycle_.apply(width_, level.pt, r, vectors_[l + 1].b.data());
        descend(l + 1, vectors_[l + 1].b.data(), dot, poll);
        e = solution(l + 1);
        cycle_.correct(width_, level.ap, e, r);
        poll_between_loops(poll);
    }
    cycle_.smooth(width_, level.a, level.p, level.smoother, e, x, r, solution(l), dot_with, dot);
    poll_between_loops(poll);
}

}  // namespace headfield
