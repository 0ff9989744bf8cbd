// SPDX-License-Identifier: BSD-3-Clause
// Trilinear interpolation; a tree over the points, of which branches that can't be the lowest are left out; a secant
// search for lifts.
#include "distance_lattice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "first_error.hpp"
#include "topology.hpp"

namespace headfield {

namespace {

// A trilinear interpolate of distances changes along each axis by at most as much as the place does.
constexpr float steepest = 1.7320509f;
constexpr float hair = 1e-4f;       // of a step: the last points of the lattice are read from the cell before
constexpr double tolerance = 1e-3;  // of the step
constexpr int64_t in_piece = 64;    // poses
constexpr int most_trials = 200;

constexpr float none = -std::numeric_limits<float>::infinity();

struct Box {
    Vec3 low = {1e300, 1e300, 1e300}, high = {-1e300, -1e300, -1e300};

    void add(const Vec3& point) {
        for (int d = 0; d < 3; ++d) {
            low[d] = std::min(low[d], point[d]);
            high[d] = std::max(high[d], point[d]);
        }
    }
};

void set(Eight& points, std::size_t c, const Vec3& point) {
    points.x[c] = static_cast<float>(point.x);
    points.y[c] = static_cast<float>(point.y);
    points.z[c] = static_cast<float>(point.z);
}

float between(float a, float b, float t) { return a + t * (b - a); }

}  // namespace

Body::Body(const double* given, int64_t n) {
    const std::vector<int32_t> order = morton_order(given, n);
    std::vector<Box> boxes((n + 7) / 8);
    groups.resize(boxes.size());
    for (std::size_t g = 0; g < boxes.size(); ++g) {
        for (std::size_t c = 0; c < 8; ++c) {
            const double* p = given + 3 * order[std::min<int64_t>(8 * g + c, n - 1)];
            boxes[g].add(Vec3{p[0], p[1], p[2]});
            set(groups[g], c, Vec3{p[0], p[1], p[2]});
        }
    }
    do {
        std::vector<Box> above((boxes.size() + 7) / 8);
        levels.emplace_back(above.size(), Nodes{{}, {none, none, none, none, none, none, none, none}});
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            above[i / 8].add(boxes[i].low), above[i / 8].add(boxes[i].high);
            set(levels.back()[i / 8].middle, i % 8, 0.5 * (boxes[i].low + boxes[i].high));
            levels.back()[i / 8].radius[i % 8] = static_cast<float>(0.5 * norm(boxes[i].high - boxes[i].low));
        }
        boxes = std::move(above);
    } while (boxes.size() > 1);
}

DistanceLattice::DistanceLattice(std::vector<float> values, const std::array<int64_t, 3>& shape, const Vec3& low,
                                 double step)
    : values_(std::move(values)), shape_{shape[0], shape[1], shape[2]}, low_(low), step_(step) {
    for (int d = 0; d < 3; ++d) last_[d] = static_cast<float>(shape_[d] - 1) - hair;
}

DistanceLattice::Frame DistanceLattice::frame(const double* pose, double lift) const {
    Frame f;
    for (int d = 0; d < 3; ++d) {
        for (int e = 0; e < 3; ++e) f.turn[3 * d + e] = static_cast<float>(pose[4 * d + e] / step_);
        f.shift[d] = static_cast<float>((pose[4 * d + 3] - lift * pose[4 * d + 2] - low_[d]) / step_);
    }
    return f;
}

// Beyond the lattice it is that of the nearest point of its box.
void DistanceLattice::at(const Frame& f, const Eight& p, float* out) const {
    int32_t place[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    float t[3][8];
    for (int d = 0; d < 3; ++d) {
        const float* turn = f.turn + 3 * d;
        const auto along = static_cast<int32_t>(shape_[d]);
        for (int c = 0; c < 8; ++c) {
            float u = turn[0] * p.x[c] + turn[1] * p.y[c] + turn[2] * p.z[c] + f.shift[d];
            u = u > 0 ? u : 0;
            u = u < last_[d] ? u : last_[d];
            const auto cell = std::min(static_cast<int32_t>(u), along - 2);
            t[d][c] = u - static_cast<float>(cell);
            place[c] = place[c] * along + cell;
        }
    }
    const int64_t y = shape_[2], x = shape_[1] * shape_[2];
    for (int c = 0; c < 8; ++c) {
        const float *v = values_.data() + place[c], *w = v + x;
        const float near = between(between(v[0], v[1], t[2][c]), between(v[y], v[y + 1], t[2][c]), t[1][c]);
        const float far = between(between(w[0], w[1], t[2][c]), between(w[y], w[y + 1], t[2][c]), t[1][c]);
        out[c] = between(near, far, t[0][c]);
    }
}

void DistanceLattice::look(const Body& body, const Frame& f, std::size_t group, Least& least) const {
    float values[8];
    at(f, body.groups[group], values);
    for (const float value : values) {
        if (value < least.value) least = {value, group};
    }
}

// The lowest child first: after it most of the others can't be the lowest.
void DistanceLattice::descend(const Body& body, const Frame& f, std::size_t level, std::size_t block,
                              Least& least) const {
    const Nodes& nodes = body.levels[level][block];
    float bound[8];
    at(f, nodes.middle, bound);
    int first = 0;
    for (int c = 0; c < 8; ++c) {
        bound[c] = nodes.radius[c] < 0 ? -none : bound[c] - steepest * nodes.radius[c];
        if (bound[c] < bound[first]) first = c;
    }
    const auto below = [&](int c) {
        if (!(bound[c] < least.value + hair)) return;
        if (level == 0) {
            look(body, f, 8 * block + c, least);
        } else {
            descend(body, f, level - 1, 8 * block + c, least);
        }
    };
    below(first);
    for (int c = 0; c < 8; ++c) {
        if (c != first) below(c);
    }
}

// `lowest`: the group that was the lowest at a place nearby, and then the one that is.
double DistanceLattice::least_at(const Body& body, const double* pose, double lift, std::size_t& lowest) const {
    const Frame f = frame(pose, lift);
    Least least{-none, lowest};
    look(body, f, lowest, least);
    descend(body, f, body.levels.size() - 1, 0, least);
    lowest = least.group;
    return least.value;
}

// Steps as long as what is missing do not pass the place where distances grow by no more than the way; secants, cut to
// slopes they may have, are fewer. Where the place is passed, from both sides (Illinois: Dowell & Jarratt, BIT 11:168,
// 1971).
double DistanceLattice::lift_of(const Body& body, const double* pose, const Aim& aim) const {
    const double close = tolerance * step_;
    std::size_t lowest = 0;
    double low = 0, below = least_at(body, pose, 0, lowest) - aim.clear;
    if (below >= 0) return 0;
    double high = std::numeric_limits<double>::infinity(), above = 0;
    double way = -below, least_step = close;
    int side = 0;
    for (int trial = 0; trial < most_trials; ++trial) {
        if (way > aim.farthest) return std::numeric_limits<double>::quiet_NaN();
        const double value = least_at(body, pose, way, lowest) - aim.clear;
        if (std::fabs(value) <= close || (value > 0 && way - low <= close)) return way;
        if (value > 0) {
            if (side > 0) below *= 0.5;
            high = way, above = value, side = 1;
        } else {
            if (side < 0) above *= 0.5;
            const double slope = std::min(std::max((value - below) / (way - low), 0.2), 1.0);
            low = way, below = value, side = -1;
            least_step *= 2;  // along a wall the distance does not grow
            way = low + std::max(-below / slope, least_step);
        }
        if (std::isfinite(high)) way = high - low <= close ? high : low + (high - low) * below / (below - above);
    }
    return std::isfinite(high) ? high : std::numeric_limits<double>::quiet_NaN();
}

void DistanceLattice::least(const Body& body, const double* poses, int64_t k, double* least, const Poll& poll) const {
    FirstError first(poll);
#pragma omp parallel for schedule(dynamic) if (k > in_piece)
    for (int64_t begin = 0; begin < k; begin += in_piece) {
        first.run([&] {
            std::size_t lowest = 0;
            for (int64_t i = begin; i < std::min(begin + in_piece, k); ++i) {
                least[i] = least_at(body, poses + 16 * i, 0, lowest);
            }
        });
    }
    first.rethrow();
}

void DistanceLattice::lifts(const Body& body, const double* poses, int64_t k, const Aim& aim, double* lifts,
                            const Poll& poll) const {
    FirstError first(poll);
#pragma omp parallel for schedule(dynamic) if (k > in_piece)
    for (int64_t begin = 0; begin < k; begin += in_piece) {
        first.run([&] {
            for (int64_t i = begin; i < std::min(begin + in_piece, k); ++i) {
                lifts[i] = lift_of(body, poses + 16 * i, aim);
            }
        });
    }
    first.rethrow();
}

}  // namespace headfield
