// SPDX-License-Identifier: BSD-3-Clause
// Descends into the nearest cylinders first, and leaves out those that are farther than the best triangle so far.
#include "triangle_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "topology.hpp"

namespace headfield {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Below this share of the square of its longest edge, twice the area of a triangle is mostly rounding, and so is its
// normal: the triangle then counts as its edges, which are nowhere farther from its inside.
constexpr double no_area = 1e-8;
constexpr double thin = 1e-4;        // the same for discs, whose bounds must hold to the slack
constexpr double slack = 1e-9;       // relative: bounds and distances are rounded
constexpr double rounding = 1e-12;   // of the largest coordinate
constexpr int64_t few = 1000;        // triangles: waking threads would take longer
constexpr int64_t neighbours = 128;  // points in a row, each of which begins at the triangle of the one before
constexpr int64_t together = 65536;  // points that are put in order, so that those in a row need the same cylinders

// What the order of triangles is found from.
struct Middle {
    Vec3 at;
    int64_t face;
};

Triangle prepared(const double* corners) {
    Triangle t;
    for (int i = 0; i < 3; ++i) t.corner[i] = {corners[3 * i], corners[3 * i + 1], corners[3 * i + 2]};
    double longest = 0;
    for (int i = 0; i < 3; ++i) {
        const Vec3 edge = t.corner[(i + 1) % 3] - t.corner[i];
        const double square = dot(edge, edge);
        t.per_square[i] = square > 0 ? 1 / square : 0;  // an edge of no length is its start
        longest = std::max(longest, square);
    }
    const Vec3 second = t.corner[1] - t.corner[0], third = t.corner[2] - t.corner[0];
    const Vec3 area = cross(second, third);
    const double square = dot(area, area);
    t.has_area = std::sqrt(square) > no_area * longest;
    if (!t.has_area) return t;
    t.normal = 1 / std::sqrt(square) * area;
    t.to_second = 1 / square * cross(third, area);
    t.to_third = 1 / square * cross(area, second);
    return t;
}

// Bounds of the squared distances of a point from what is in four cylinders.
template <class Four>
void squares_from(const Four& f, const Vec3& p, double square[4]) {
    for (int c = 0; c < 4; ++c) {
        const double x = p.x - f.middle[0][c], y = p.y - f.middle[1][c], z = p.z - f.middle[2][c];
        const double height = x * f.axis[0][c] + y * f.axis[1][c] + z * f.axis[2][c];
        const double beside = x * x + y * y + z * z - height * height;
        const double above = std::fabs(height) - f.half[c], out = std::sqrt(beside > 0 ? beside : 0) - f.radius[c];
        square[c] = (above > 0 ? above * above : 0) + (out > 0 ? out * out : 0);
    }
}

// The axis along which middles lie farthest apart.
int longest_axis(const Middle* begin, const Middle* end) {
    Vec3 low = begin->at, high = begin->at;
    for (const Middle* m = begin; m < end; ++m) {
        for (int d = 0; d < 3; ++d) {
            low[d] = std::min(low[d], m->at[d]);
            high[d] = std::max(high[d], m->at[d]);
        }
    }
    const Vec3 size = high - low;
    return size.x >= size.y && size.x >= size.z ? 0 : size.y >= size.z ? 1 : 2;
}

// Brings those that lie lowest along the longest axis of begin…end before `cut`.
void halve(Middle* begin, Middle* cut, Middle* end) {
    if (cut >= end) return;
    const int axis = longest_axis(begin, end);
    std::nth_element(begin, cut, end, [axis](const Middle& a, const Middle& b) {
        const double x = a.at[axis], y = b.at[axis];
        return x < y || (x == y && a.face < b.face);
    });
}

// Orders middles so that each `unit` of them in a row lie together, each quarter of a unit, and so on.
void order(Middle* begin, Middle* end, int64_t unit) {
    for (; begin < end; begin += unit) {
        Middle* stop = std::min(begin + unit, end);
        const int64_t quarter = unit / 4;
        if (quarter < 4) continue;
        halve(begin, begin + 2 * quarter, stop);
        halve(begin, begin + quarter, std::min(begin + 2 * quarter, stop));
        halve(begin + 2 * quarter, begin + 3 * quarter, stop);
        order(begin, stop, quarter);
    }
}

// What is left to look at, and a bound of its squared distance.
struct Pending {
    double square;
    int64_t node;
    int level;
};

}  // namespace

ClosestPoint closest_point(const Triangle& t, const Vec3& point) {
    const Vec3 away = point - t.corner[0];
    if (t.has_area) {
        const double second = dot(away, t.to_second), third = dot(away, t.to_third), first = 1 - second - third;
        if (first >= 0 && second >= 0 && third >= 0) {
            // From the nearest corner, so that it is exactly 0 there.
            const int near = first >= second && first >= third ? 0 : second >= third ? 1 : 2;
            return {std::fabs(dot(point - t.corner[near], t.normal)), {first, second, third}};
        }
    }
    double least = infinity, place = 0;
    int best = 0;
    for (int i = 0; i < 3; ++i) {
        const Vec3 edge = t.corner[(i + 1) % 3] - t.corner[i], from = point - t.corner[i];
        const double s = std::min(std::max(dot(from, edge) * t.per_square[i], 0.0), 1.0);
        const Vec3 left = t.corner[i] + s * edge - point;
        const double square = dot(left, left);
        if (square < least) {
            least = square;
            best = i;
            place = s;
        }
    }
    ClosestPoint found{std::sqrt(least), {0, 0, 0}};
    found.weight[best] = 1 - place;
    found.weight[(best + 1) % 3] = place;
    return found;
}

TriangleTree::TriangleTree(const double* corners, int64_t n) {
    std::vector<Middle> middles(n);
    for (int64_t f = 0; f < n; ++f) {
        const double* c = corners + 9 * f;
        middles[f] = {{c[0] + c[3] + c[6], c[1] + c[4] + c[7], c[2] + c[5] + c[8]}, f};
    }
    int64_t unit = 4;
    while (unit < n) unit *= 4;
    order(middles.data(), middles.data() + n, unit);
    triangles_.resize(n);
    face_.resize(n);
#pragma omp parallel for schedule(static) if (n > few)
    for (int64_t i = 0; i < n; ++i) {
        face_[i] = middles[i].face;
        triangles_[i] = prepared(corners + 9 * face_[i]);
    }
    double largest = 0;
    for (int64_t i = 0; i < 9 * n; ++i) largest = std::max(largest, std::fabs(corners[i]));
    rounding_ = rounding * largest;
    for (int64_t in_child = 1; in_child == 1 || in_child < n; in_child *= 4) add_level(in_child);
}

void TriangleTree::add_level(int64_t in_child) {
    const int64_t n = size(), children = (n + in_child - 1) / in_child;
    std::vector<Four> level((children + 3) / 4, Four{});
#pragma omp parallel for schedule(static) if (n > few)
    for (int64_t c = 0; c < children; ++c) {
        enclose(c * in_child, std::min((c + 1) * in_child, n), level[c / 4], static_cast<int>(c % 4));
    }
    children_.push_back(children);
    levels_.push_back(std::move(level));
}

// Puts a cylinder around triangles begin…end.
void TriangleTree::enclose(int64_t begin, int64_t end, Four& four, int child) const {
    Vec3 axis{0, 0, 0}, low = triangles_[begin].corner[0], high = low;
    for (int64_t i = begin; i < end; ++i) {
        const Vec3* corner = triangles_[i].corner;
        axis = axis + cross(corner[1] - corner[0], corner[2] - corner[0]);
        for (int k = 0; k < 3; ++k) {
            for (int d = 0; d < 3; ++d) {
                low[d] = std::min(low[d], corner[k][d]);
                high[d] = std::max(high[d], corner[k][d]);
            }
        }
    }
    const double length = norm(axis);
    axis = length > 0 ? 1 / length * axis : Vec3{0, 0, 1};
    Vec3 middle = 0.5 * (low + high);
    double below = infinity, above = -infinity, square = 0;
    for (int64_t i = begin; i < end; ++i) {
        for (const Vec3& corner : triangles_[i].corner) {
            const Vec3 away = corner - middle;
            const double height = dot(away, axis);
            const Vec3 beside = away - height * axis;
            below = std::min(below, height);
            above = std::max(above, height);
            square = std::max(square, dot(beside, beside));
        }
    }
    middle = middle + 0.5 * (below + above) * axis;
    for (int d = 0; d < 3; ++d) four.middle[d][child] = middle[d], four.axis[d][child] = axis[d];
    four.radius[child] = std::sqrt(square);
    four.half[child] = 0.5 * (above - below);
}

double TriangleTree::limit(const Best& best) const {
    const double reach = best.at.distance * (1 + slack) + rounding_;
    return reach * reach;
}

void TriangleTree::attempt(int64_t place, const Vec3& point, Best& best) const {
    const ClosestPoint at = closest_point(triangles_[place], point);
    if (at.distance < best.at.distance || (at.distance == best.at.distance && face_[place] < best.face)) {
        best = {at, face_[place], place};
    }
}

void TriangleTree::search(const Vec3& point, Best& best) const {
    Pending stack[128];  // three for each level but the last, of which there are at most 31
    int n = 0;
    stack[n++] = {0, 0, static_cast<int>(levels_.size()) - 1};
    while (n > 0) {
        const Pending now = stack[--n];
        if (now.square > limit(best)) continue;
        const Four& four = levels_[now.level][now.node];
        double square[4];
        squares_from(four, point, square);
        const int64_t first = 4 * now.node;
        const int there = static_cast<int>(std::min<int64_t>(4, children_[now.level] - first));
        const int base = n;
        for (int c = 0; c < there; ++c) {
            if (square[c] > limit(best)) continue;
            if (now.level == 0) {
                attempt(first + c, point, best);
                continue;
            }
            int k = n++;  // the nearest goes on top
            for (; k > base && stack[k - 1].square < square[c]; --k) stack[k] = stack[k - 1];
            stack[k] = {square[c], first + c, now.level - 1};
        }
    }
}

void TriangleTree::closest(const double* points, int64_t n, int64_t* face, double* weights, double* distance,
                           const Poll& poll) const {
    in_pieces(n, together, poll, [&](int64_t begin, int64_t end) {
        const std::vector<int32_t> order = morton_order(points + 3 * begin, end - begin);
#pragma omp parallel for schedule(dynamic) if (end - begin > neighbours)
        for (int64_t start = 0; start < end - begin; start += neighbours) {
            int64_t place = 0;
            for (int64_t k = start; k < std::min(start + neighbours, end - begin); ++k) {
                const int64_t i = begin + order[k];
                const Vec3 point{points[3 * i], points[3 * i + 1], points[3 * i + 2]};
                Best best{{infinity, {0, 0, 0}}, size(), 0};
                attempt(place, point, best);
                search(point, best);
                place = best.place;
                const double* w = best.at.weight;
                const double sum = w[0] + w[1] + w[2];
                for (int c = 0; c < 3; ++c) weights[3 * i + c] = w[c] / sum;
                distance[i] = best.at.distance;
                face[i] = best.face;
            }
        }
    });
}

}  // namespace headfield
