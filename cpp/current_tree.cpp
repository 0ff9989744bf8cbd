// SPDX-License-Identifier: BSD-3-Clause
#include "current_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "first_error.hpp"
#include "topology.hpp"

namespace headfield {

namespace {

constexpr int most_depth = 10;
constexpr int64_t most_in_leaf = 5000;
constexpr int64_t targets_at_once = 2048;
using Numbers = std::array<double, most_points + 1>;

// ℓ_a(x) through p points, from the sum over Chebyshev polynomials that they are.
double lagrange(int p, int a, double x) {
    const double pi = std::acos(-1.0);
    double sum = 1;
    for (int m = 1; m < p; ++m) {
        sum += 2 * std::cos(m * (2 * (p - 1 - a) + 1) * pi / (2 * p)) * std::cos(m * std::acos(x));
    }
    return sum / p;
}

Chebyshev make_chebyshev() {
    Chebyshev c{};
    const double pi = std::acos(-1.0);
    const auto point = [pi](int p, int i) { return -std::cos((2 * i + 1) * pi / (2 * p)); };
    constexpr int most = most_points;
    for (int p = 1; p <= most; ++p) {
        for (int i = 0; i < p; ++i) c.points[p][i] = static_cast<float>(point(p, i));
        for (int i = 0; i < most; ++i) {
            for (int a = 0; a < p; ++a) c.fewer[p][i][a] = static_cast<float>(lagrange(p, a, point(most, i)));
        }
    }
    for (int i = 0; i < most; ++i) {
        for (int a = 0; a < most; ++a) {
            for (int h = 0; h < 2; ++h) {
                c.halves[h][i][a] = static_cast<float>(lagrange(most, a, (point(most, i) + (h ? 1 : -1)) / 2));
            }
            const double t = std::cos(a * std::acos(point(most, i)));
            c.from_powers[a][i] = static_cast<float>((a ? 2 : 1) * t / most);
        }
    }
    return c;
}

const Chebyshev& chebyshev() {
    static const Chebyshev made = make_chebyshev();
    return made;
}

// The least distance of a target from the centre of a cube, in half edges, for which p points along an edge do. Lagrange
// polynomials through p Chebyshev points converge as ρ⁻ᵖ, where the ellipse around the edge, the sum of whose half axes is
// ρ, reaches the target; B, a derivative, takes a smaller tolerance than A.
Numbers thresholds(bool curl) {
    const double tolerance = curl ? 6e-7 : 3e-6;
    Numbers least;
    least.fill(std::numeric_limits<double>::infinity());
    for (int p = least_points; p <= most_points; ++p) {
        const double rho = std::pow(1 / tolerance, 1.0 / p);
        least[p] = (rho + 1 / rho) / 2;
    }
    return least;
}

// Whether p³ proxies are less work than so many nodes, each of which takes 4/3 as long.
bool worth(int p, int64_t count) { return p * p * p * 3 < count * 4; }

uint32_t spread_bits(uint32_t v) {
    uint32_t out = 0;
    for (int b = 0; b < most_depth; ++b) out |= (v >> b & 1u) << (3 * b);
    return out;
}

// Sorts by key, equal ones in the order of their numbers.
void radix_sort(std::vector<uint32_t>& keys, std::vector<int32_t>& order) {
    constexpr int bits = 10;
    const std::size_t n = keys.size();
    std::vector<uint32_t> keys_to(n);
    std::vector<int32_t> order_to(n);
    for (int shift = 0; shift < 3 * most_depth; shift += bits) {
        std::vector<int64_t> start((1 << bits) + 1);
        const auto digit = [shift](uint32_t key) { return key >> shift & ((1u << bits) - 1); };
        for (const uint32_t key : keys) ++start[digit(key) + 1];
        for (std::size_t d = 1; d < start.size(); ++d) start[d] += start[d - 1];
        for (std::size_t i = 0; i < n; ++i) {
            const int64_t to = start[digit(keys[i])]++;
            keys_to[to] = keys[i];
            order_to[to] = order[i];
        }
        keys.swap(keys_to);
        order.swap(order_to);
    }
}

}  // namespace

struct CurrentTree::Targets {
    const Numbers& least;
    const CurrentKernels& kernels;
    bool curl;
    float closest;                     // the square of the distance, m, below which a node is left out
    std::vector<double> points, sums;  // (count, 3) from the centre of the tree, (count, 3k)
};

CurrentTree::CurrentTree(const double* nodes, const float* currents, int64_t n, int k, const Poll& poll) : k_(k) {
    const double side = enclose(nodes, n);
    std::vector<uint32_t> keys(n);
    std::vector<int32_t> order(n);
    const double cells = 1 << most_depth;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        uint32_t key = 0;
        for (int d = 0; d < 3; ++d) {
            const double x = ((nodes[3 * i + d] - centre_[d]) / side + 0.5) * cells;
            key |= spread_bits(static_cast<uint32_t>(std::min(std::max(x, 0.0), cells - 1))) << d;
        }
        keys[i] = key;
        order[i] = static_cast<int32_t>(i);
    }
    radix_sort(keys, order);
    Cell root{};
    root.end = n;
    root.half = side / 2;
    divide(keys.data(), root, 0);
    copy(nodes, currents, order);
    reserve_proxies();
    gather(poll);
}

double CurrentTree::enclose(const double* nodes, int64_t n) {
    std::array<double, 3> low, high;
    low.fill(std::numeric_limits<double>::infinity());
    high.fill(-low[0]);
    for (int64_t i = 0; i < n; ++i) {
        for (int d = 0; d < 3; ++d) {
            const double x = nodes[3 * i + d];
            if (!std::isfinite(x)) {
                throw std::invalid_argument("nodes must be finite; node " + std::to_string(i) + " is not");
            }
            low[d] = std::min(low[d], x);
            high[d] = std::max(high[d], x);
        }
    }
    double side = 1e-6;
    for (int d = 0; d < 3; ++d) {
        const double extent = n ? high[d] - low[d] : 0;
        centre_[d] = n ? low[d] + extent / 2 : 0;
        side = std::max(side, (1 + 1e-6) * extent);
    }
    if (!std::isfinite(side)) throw std::invalid_argument("nodes are farther apart than a double can tell");
    return side;
}

void CurrentTree::copy(const double* nodes, const float* currents, const std::vector<int32_t>& order) {
    const auto n = static_cast<int64_t>(order.size());
    places_.resize(3 * n);
    currents_.resize(3 * k_ * n);
#pragma omp parallel for schedule(dynamic)
    for (std::size_t c = 0; c < cells_.size(); ++c) {
        const Cell& cell = cells_[c];
        for (int64_t i = cell.leaf ? cell.begin : cell.end; i < cell.end; ++i) {
            for (int d = 0; d < 3; ++d) {
                const double from_centre = nodes[3 * int64_t(order[i]) + d] - centre_[d];
                places_[3 * i + d] = static_cast<float>(from_centre - cell.centre[d]);
            }
            for (int64_t f = 0; f < k_; ++f) {
                std::copy_n(currents + 3 * (f * n + order[i]), 3, &currents_[3 * (i * k_ + f)]);
            }
        }
    }
}

int32_t CurrentTree::divide(const uint32_t* keys, Cell cell, int depth) {
    const auto number = static_cast<int32_t>(cells_.size());
    cell.leaf = cell.end - cell.begin <= most_in_leaf || depth == most_depth;
    cell.children.fill(-1);
    cells_.push_back(cell);
    if (cell.leaf) return number;
    const int shift = 3 * (most_depth - 1 - depth);
    int64_t begin = cell.begin;
    for (uint32_t octant = 0; octant < 8; ++octant) {
        const auto after = [shift, octant](uint32_t key) { return (key >> shift & 7u) <= octant; };
        Cell child{};
        child.begin = begin;
        child.end = std::partition_point(keys + begin, keys + cell.end, after) - keys;
        begin = child.end;
        if (child.begin == child.end) continue;
        child.half = cell.half / 2;
        for (int d = 0; d < 3; ++d) {
            child.centre[d] = cell.centre[d] + (octant >> d & 1u ? child.half : -child.half);
        }
        const int32_t made = divide(keys, child, depth + 1);
        cells_[number].children[octant] = made;
    }
    return number;
}

void CurrentTree::reserve_proxies() {
    int64_t size = 0;
    for (Cell& cell : cells_) {
        cell.proxies.fill(-1);
        for (int p = least_points; p <= most_points; ++p) {
            if (!worth(p, cell.end - cell.begin)) continue;
            cell.proxies[p] = size;
            size += int64_t(3) * k_ * p * p * p;
        }
    }
    proxies_.resize(size);
}

// Subtrees two levels below the root side by side, then what is above them.
void CurrentTree::gather(const Poll& poll) {
    std::vector<int32_t> subtrees;
    const auto below = [&](int32_t number, int levels, const auto& self) -> void {
        if (levels == 0 || cells_[number].leaf) {
            subtrees.push_back(number);
            return;
        }
        for (const int32_t child : cells_[number].children) {
            if (child >= 0) self(child, levels - 1, self);
        }
    };
    below(0, 2, below);
    std::vector<std::vector<float>> made(cells_.size());
    FirstError first(poll);
#pragma omp parallel for schedule(dynamic)
    for (std::size_t i = 0; i < subtrees.size(); ++i) {
        first.run([&] { made[subtrees[i]] = moments(subtrees[i], nullptr); });
    }
    first.rethrow();
    moments(0, &made);
}

std::vector<float> CurrentTree::moments(int32_t number, std::vector<std::vector<float>>* made) {
    if (made && !(*made)[number].empty()) return std::move((*made)[number]);
    const Cell& cell = cells_[number];
    std::vector<float> sum(int64_t(3) * k_ * cube_points);
    if (cell.leaf) {
        current_kernels().gather(chebyshev(), leaf(cell), static_cast<float>(cell.half), k_, sum.data());
    }
    for (int octant = 0; octant < 8; ++octant) {
        const int32_t child = cell.children[octant];
        if (child >= 0) current_kernels().raise(chebyshev(), octant, k_, moments(child, made).data(), sum.data());
    }
    for (int p = least_points; p <= most_points; ++p) {
        const int64_t at = cell.proxies[p];
        if (at >= 0) current_kernels().reduce(chebyshev(), p, k_, sum.data(), &proxies_[at]);
    }
    return sum;
}

LeafView CurrentTree::leaf(const Cell& cell) const {
    return {cell.end - cell.begin, places_.data() + 3 * cell.begin, currents_.data() + 3 * k_ * cell.begin};
}

void CurrentTree::visit(int32_t number, const std::vector<int32_t>& who, Targets& t) const {
    const Cell& cell = cells_[number];
    std::array<std::vector<int32_t>, most_points + 1> far;
    std::vector<int32_t> close;
    for (const int32_t i : who) {
        double square = 0;
        for (int d = 0; d < 3; ++d) {
            const double x = t.points[3 * int64_t(i) + d] - cell.centre[d];
            square += x * x;
        }
        const double distance = std::sqrt(square) / cell.half;
        int p = least_points;
        while (p <= most_points && distance < t.least[p]) ++p;
        (p <= most_points && cell.proxies[p] >= 0 ? far[p] : close).push_back(i);
    }
    const auto view = [&t](const std::vector<int32_t>& some) {
        return TargetsView{static_cast<int64_t>(some.size()), some.data(), t.points.data(), t.sums.data()};
    };
    for (int p = least_points; p <= most_points; ++p) {
        if (far[p].empty()) continue;
        ProxyView proxies{p, {}, &proxies_[cell.proxies[p]]};
        for (int i = 0; i < p; ++i) proxies.places[i] = static_cast<float>(cell.half * chebyshev().points[p][i]);
        t.kernels.far(proxies, cell.centre.data(), view(far[p]), k_, t.curl);
    }
    if (close.empty()) return;
    if (cell.leaf) t.kernels.near(leaf(cell), cell.centre.data(), view(close), k_, t.curl, t.closest);
    for (const int32_t child : cell.children) {
        if (child >= 0) visit(child, close, t);
    }
}

void CurrentTree::sum(const double* points, int64_t count, bool curl, bool every, float* out, const Poll& poll) const {
    const Numbers least = thresholds(curl);
    const std::vector<int32_t> order = morton_order(points, count);  // neighbours make the same choices
    FirstError first(poll);
#pragma omp parallel for schedule(dynamic)
    for (int64_t begin = 0; begin < count; begin += targets_at_once) {
        first.run([&] {
            const int64_t some = std::min(targets_at_once, count - begin);
            Targets t{least,
                      current_kernels(),
                      curl,
                      every ? 0.f : 1e-12f,
                      std::vector<double>(3 * some),
                      std::vector<double>(3 * k_ * some)};
            std::vector<int32_t> all(some);
            for (int64_t i = 0; i < some; ++i) {
                const double* at = points + 3 * int64_t(order[begin + i]);
                all[i] = static_cast<int32_t>(i);
                for (int d = 0; d < 3; ++d) t.points[3 * i + d] = at[d] - centre_[d];
            }
            visit(0, all, t);
            for (int64_t i = 0; i < some; ++i) {
                float* row = out + int64_t(3) * k_ * order[begin + i];
                for (int c = 0; c < 3 * k_; ++c) row[c] = static_cast<float>(1e-7 * t.sums[3 * k_ * i + c]);
            }
        });
    }
    first.rethrow();
}

}  // namespace headfield
