// SPDX-License-Identifier: BSD-3-Clause
// Nested level sets on a grid of voxels, interpolated linearly: label l is where level l is positive and level l − 1
// is not, and label `levels`, outside all, where none is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vec3.hpp"

namespace headfield {

class LevelField {
public:
    const float* values;  // (levels, n[0], n[1], n[2]), ascending with the level everywhere
    int levels;
    int64_t n[3];
    double to_voxels[3][4];  // from mm in the frame of the mesher to indices of voxels

    int64_t voxels() const { return n[0] * n[1] * n[2]; }

    Vec3 voxel(const Vec3& p) const {
        Vec3 v{};
        for (int d = 0; d < 3; ++d) {
            const double* row = to_voxels[d];
            v[d] = row[0] * p.x + row[1] * p.y + row[2] * p.z + row[3];
        }
        return v;
    }
    double at(int level, const Vec3& p) const { return Cell(*this, voxel(p)).value(*this, level); }

    // The value of a level at a point, given in mm or in voxels, and its gradient there in mm⁻¹.
    double with_gradient(int level, const Vec3& p, Vec3& gradient) const {
        return with_gradient_at_voxel(level, voxel(p), gradient);
    }
    double with_gradient_at_voxel(int level, const Vec3& v, Vec3& gradient) const {
        Vec3 g{};
        const double value = Cell(*this, v).slope(*this, level, g);
        for (int d = 0; d < 3; ++d) {
            gradient[d] = to_voxels[0][d] * g.x + to_voxels[1][d] * g.y + to_voxels[2][d] * g.z;
        }
        return value;
    }
    int label(const Vec3& p) const {
        const Cell cell(*this, voxel(p));
        int l = 0;
        while (l < levels && !(cell.value(*this, l) > 0.0)) ++l;
        return l;
    }
    // The label of voxel i.
    int label(int64_t i) const {
        int l = 0;
        while (l < levels && !(values[l * voxels() + i] > 0.f)) ++l;
        return l;
    }
    // How far along the edge from a to b, between 0 and 1, a level is zero; 0.5 where both ends have one sign.
    double crossing(int level, const Vec3& a, const Vec3& b) const {
        const bool inside = at(level, a) > 0.0;
        if (inside == (at(level, b) > 0.0)) return 0.5;
        double low = 0.0, high = 1.0;
        for (int i = 0; i < 10; ++i) {
            const double middle = 0.5 * (low + high);
            ((at(level, a + middle * (b - a)) > 0.0) == inside ? low : high) = middle;
        }
        return 0.5 * (low + high);
    }
    // The point of a level's surface near p, by Newton's method along gradients; no step is longer than `most` mm.
    Vec3 projected(int level, Vec3 p, double most, int steps) const {
        for (int i = 0; i < steps; ++i) {
            Vec3 g{};
            const double value = with_gradient(level, p, g), square = dot(g, g);
            if (square < flat) break;
            p = p + at_most(most, (-value / square) * g);
        }
        return p;
    }

private:
    static constexpr double flat = 1e-6;  // mm⁻²; a level is nearly constant there, far from its surface

    // The eight voxels around a point, and where between them it lies; points outside the grid are moved to its border.
    struct Cell {
        int64_t first, step[2];
        double u[3];

        Cell(const LevelField& f, const Vec3& v) : step{f.n[1] * f.n[2], f.n[2]} {
            int64_t i[3];
            for (int d = 0; d < 3; ++d) {
                const double inside = std::min(std::max(v[d], 0.0), static_cast<double>(f.n[d] - 1));
                i[d] = std::min(static_cast<int64_t>(inside), f.n[d] - 2);
                u[d] = inside - static_cast<double>(i[d]);
            }
            first = (i[0] * f.n[1] + i[1]) * f.n[2] + i[2];
        }
        const float* corner(const LevelField& f, int level) const { return f.values + level * f.voxels() + first; }

        double value(const LevelField& f, int level) const {
            const float* c = corner(f, level);
            const double near = mix(u[1], along(c), along(c + step[1]));
            return mix(u[0], near, mix(u[1], along(c + step[0]), along(c + step[0] + step[1])));
        }
        double slope(const LevelField& f, int level, Vec3& g) const {
            const float* c = corner(f, level);
            const float* rows[4] = {c, c + step[1], c + step[0], c + step[0] + step[1]};
            double a[4], d[4];
            for (int k = 0; k < 4; ++k) {
                a[k] = along(rows[k]);
                d[k] = double(rows[k][1]) - double(rows[k][0]);
            }
            g.z = mix(u[0], mix(u[1], d[0], d[1]), mix(u[1], d[2], d[3]));
            g.y = mix(u[0], a[1] - a[0], a[3] - a[2]);
            const double near = mix(u[1], a[0], a[1]), far = mix(u[1], a[2], a[3]);
            g.x = far - near;
            return mix(u[0], near, far);
        }
        double along(const float* c) const { return mix(u[2], double(c[0]), double(c[1])); }
        static double mix(double t, double a, double b) { return a + t * (b - a); }
    };
};

}  // namespace headfield
