// SPDX-License-Identifier: BSD-3-Clause
// The closest of many triangles to each of many points. Compiled into both modules, and always run on the host.
#pragma once

#include <cstdint>
#include <vector>

#include "poll.hpp"
#include "vec3.hpp"

namespace headfield {

// A triangle with what its distance to a point needs: corners, unit normal, the gradients of the weights of its second
// and third corner, and 1/length² of the edges from corner i to i + 1. One without an area to speak of has neither
// normal nor gradients: it is its edges.
struct Triangle {
    Vec3 corner[3], normal, to_second, to_third;
    double per_square[3];
    bool has_area;
};

// The closest point of a triangle: its distance, and its barycentric weights, which add up to 1 but for rounding.
// Those of corners that a point on an edge or corner does not need are exactly 0.
struct ClosestPoint {
    double distance;
    double weight[3];
};

// The projection onto the plane if that falls inside, else the closest point of the three edges (Eberly, Distance
// Between Point and Triangle in 3D, 1999).
ClosestPoint closest_point(const Triangle& triangle, const Vec3& point);

// Cylinders around four triangles, around four of those, and so on up to one. Cylinder i of a level holds 4 i to 4 i + 3
// of the level below, so that none needs a pointer. Their axes are normals of what they hold: around a part of a skin
// that is nearly flat they are nearly discs, which bound distances much closer than boxes that are not turned.
class TriangleTree {
public:
    // corners (n, 3, 3), n ≥ 1, finite.
    TriangleTree(const double* corners, int64_t n);

    // For points (n, 3): the closest triangle (n,), of several at the same distance the first, barycentric weights
    // (n, 3) there, and the distance (n,). The bits depend on the point alone.
    void closest(const double* points, int64_t n, int64_t* face, double* weights, double* distance,
                 const Poll& poll) const;

    int64_t size() const { return static_cast<int64_t>(triangles_.size()); }

private:
    // The cylinders around four children, side by side so that they are looked at together: middle, axis of length 1,
    // radius, and half the height.
    struct Four {
        double middle[3][4], axis[3][4], radius[4], half[4];
    };
    // The closest triangle so far: its number, and its place among the leaves.
    struct Best {
        ClosestPoint at;
        int64_t face, place;
    };

    void add_level(int64_t triangles_in_child);
    void enclose(int64_t begin, int64_t end, Four& four, int child) const;
    double limit(const Best& best) const;
    void attempt(int64_t place, const Vec3& point, Best& best) const;
    void search(const Vec3& point, Best& best) const;

    std::vector<Triangle> triangles_;  // in the order of the leaves
    std::vector<int64_t> face_;        // the number of each
    std::vector<std::vector<Four>> levels_;
    std::vector<int64_t> children_;  // how many each level has; those of level 0 are triangles
    double rounding_;
};

}  // namespace headfield
