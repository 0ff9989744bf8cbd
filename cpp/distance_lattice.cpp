// SPDX-License-Identifier: BSD-3-Clause
// Trilinear interpolation; groups of points that can't be the lowest are left out; a secant search for lifts.
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

float between(float a, float b, float t) { return a + t * (b - a); }

}  // namespace

Body::Body(const double* given, int64_t n) {
    const std::vector<int32_t> order = morton_order(given, n);
    const int64_t count = (n + 7) / 8;
    groups.resize(count);
    middles.resize((count + 7) / 8, Eight{});
    radius.resize(count);
    for (int64_t g = 0; g < count; ++g) {
        Vec3 low{0, 0, 0}, high{0, 0, 0};
        for (int64_t c = 0; c < 8; ++c) {
            const double* p = given + 3 * order[std::min(8 * g + c, n - 1)];
            for (int d = 0; d < 3; ++d) {
                low[d] = c == 0 ? p[d] : std::min(low[d], p[d]);
                high[d] = c == 0 ? p[d] : std::max(high[d], p[d]);
            }
            groups[g].x[c] = static_cast<float>(p[0]);
            groups[g].y[c] = static_cast<float>(p[1]);
            groups[g].z[c] = static_cast<float>(p[2]);
        }
        const Vec3 middle = 0.5 * (low + high);
        middles[g / 8].x[g % 8] = static_cast<float>(middle.x);
        middles[g / 8].y[g % 8] = static_cast<float>(middle.y);
        middles[g / 8].z[g % 8] = static_cast<float>(middle.z);
        radius[g] = static_cast<float>(0.5 * norm(high - low));
    }
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

double DistanceLattice::least_at(const Body& body, const double* pose, double lift, std::vector<float>& room) const {
    const Frame f = frame(pose, lift);
    const std::size_t n = body.groups.size();
    room.resize(8 * body.middles.size());
    for (std::size_t m = 0; m < body.middles.size(); ++m) at(f, body.middles[m], room.data() + 8 * m);
    std::size_t first = 0;
    for (std::size_t g = 0; g < n; ++g) {
        room[g] -= steepest * body.radius[g];
        if (room[g] < room[first]) first = g;
    }
    float least = std::numeric_limits<float>::infinity(), values[8];
    const auto look = [&](std::size_t g) {
        at(f, body.groups[g], values);
        for (const float value : values) least = value < least ? value : least;
    };
    look(first);
    for (std::size_t g = 0; g < n; ++g) {
        if (g != first && room[g] < least + hair) look(g);
    }
    return least;
}

// Steps as long as what is missing do not pass the place where distances grow by no more than the way; secants, cut to
// slopes they may have, are fewer. Where the place is passed, from both sides (Illinois: Dowell & Jarratt, BIT 11:168,
// 1971).
double DistanceLattice::lift_of(const Body& body, const double* pose, const Aim& aim, std::vector<float>& room) const {
    const double close = tolerance * step_;
    double low = 0, below = least_at(body, pose, 0, room) - aim.clear;
    if (below >= 0) return 0;
    double high = std::numeric_limits<double>::infinity(), above = 0;
    double way = -below, least_step = close;
    int side = 0;
    for (int trial = 0; trial < most_trials; ++trial) {
        if (way > aim.farthest) return std::numeric_limits<double>::quiet_NaN();
        const double value = least_at(body, pose, way, room) - aim.clear;
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
            std::vector<float> room;
            for (int64_t i = begin; i < std::min(begin + in_piece, k); ++i) {
                least[i] = least_at(body, poses + 16 * i, 0, room);
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
            std::vector<float> room;
            for (int64_t i = begin; i < std::min(begin + in_piece, k); ++i) {
                lifts[i] = lift_of(body, poses + 16 * i, aim, room);
            }
        });
    }
    first.rethrow();
}

}  // namespace headfield
