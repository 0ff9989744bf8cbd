// SPDX-License-Identifier: BSD-3-Clause
// Signed distances of a surface on a regular lattice, and bodies placed in it. Compiled into both modules, and always
// run on the host.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "poll.hpp"
#include "vec3.hpp"

namespace headfield {

// Eight points, side by side so that they are looked at together.
struct Eight {
    float x[8], y[8], z[8];
};

// Eight nodes of a tree over the points of a body, each with a ball that holds all points below it: its middle, and a
// radius, negative infinity where there is no node.
struct Nodes {
    Eight middle;
    float radius[8];
};

// Points of a body, near ones in groups of eight, and a tree over these: what a distance is at the middle of a node
// bounds it at the points below. A group that is not full repeats a point.
struct Body {
    // points (n, 3), finite, n ≥ 1.
    Body(const double* points, int64_t n);

    std::vector<Eight> groups;
    // levels[0] is over the groups, each next one over the blocks of eight nodes of the one before: child c of block b is
    // block (or group) 8 b + c. The last has one block.
    std::vector<std::vector<Nodes>> levels;
};

struct Aim {
    double clear, farthest;
};

class DistanceLattice {
public:
    // values: shape[0] × shape[1] × shape[2] numbers, z the fastest; point (0, 0, 0) lies at `low`, its neighbours a
    // `step` apart.
    DistanceLattice(std::vector<float> values, const std::array<int64_t, 3>& shape, const Vec3& low, double step);

    // least (k,): the lowest trilinear interpolate at the points of a body in each of poses (k, 4, 4).
    void least(const Body& body, const double* poses, int64_t k, double* least, const Poll& poll) const;

    // lifts (k,): how far each pose has to go along its −z until the least is first `clear`, to a thousandth of the
    // step; not a number if that is not within `farthest`.
    void lifts(const Body& body, const double* poses, int64_t k, const Aim& aim, double* lifts, const Poll& poll) const;

private:
    // Takes points of a coil to the lattice: index = turn · point + shift, counted in steps along x, y and z.
    struct Frame {
        float turn[9], shift[3];
    };

    struct Least {
        float value;
        std::size_t group;  // where it is
    };

    Frame frame(const double* pose, double lift) const;
    void at(const Frame& frame, const Eight& points, float* out) const;
    double least_at(const Body& body, const double* pose, double lift, std::size_t& lowest) const;
    void look(const Body& body, const Frame& frame, std::size_t group, Least& least) const;
    void descend(const Body& body, const Frame& frame, std::size_t level, std::size_t block, Least& least) const;
    double lift_of(const Body& body, const double* pose, const Aim& aim) const;

    std::vector<float> values_;
    int64_t shape_[3];
    float last_[3];  // of the indices along each axis, less a hair
    Vec3 low_;
    double step_;
};

}  // namespace headfield
