// SPDX-License-Identifier: BSD-3-Clause
// One V(2, 2) cycle over a hierarchy, the preconditioner of the iterations (pcg.cpp, column64.cpp).
#pragma once

#include <type_traits>
#include <vector>

#include "device_hierarchy.hpp"
#include "poll.hpp"
#include "verbs.hpp"

namespace headfield {

// Whether the V-cycle stores what comes down in fewer bits than float has. It then wants its input at about
// 2^cycle_exponent, far from both ends of the range.
constexpr bool scaled_cycle = !std::is_same_v<Real, float>;
constexpr int cycle_exponent = 4;

// Returns the first where the V-cycle stores numbers of its own type, the second where it works on the iteration's.
template <class A, class B>
auto if_scaled(A scaled, B plain) {
    if constexpr (scaled_cycle) {
        return scaled;
    } else {
        return plain;
    }
}

// Polls between the loops of an iteration, which takes a good part of a second on a large head and few cores.
inline void poll_between_loops(const Poll& poll) {
    if constexpr (!asynchronous) poll();
}

// Work space for `width` columns over a hierarchy that outlives it.
class VCycle {
public:
    VCycle(const DeviceHierarchy& hierarchy, int width);

    // Computes z = M b from b (n, W), where M is one cycle from a zero guess and z = solution(); sums b · z. M is
    // symmetric, as conjugate gradients demand: the polynomial after the correction is the one before it, and
    // restriction is the transpose of prolongation.
    void run(const Real* b, Sums dot, const Poll& poll) { descend(0, b, dot, poll); }
    float* solution() { return solution(0); }

private:
    // Block vectors of a level. Level 0 has no b, which is the caller's.
    struct LevelVectors {
        DeviceBuffer<Real> b, x, r;
        DeviceBuffer<float> z;  // the solution; empty where x can hold it
    };

    float* solution(size_t level);
    void descend(size_t level, const Real* b, Sums dot, const Poll& poll);

    const DeviceHierarchy& h_;
    const CycleVerbs& cycle_;
    int width_;
    std::vector<LevelVectors> vectors_;
};

}  // namespace headfield
