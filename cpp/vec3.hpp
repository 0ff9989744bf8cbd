// SPDX-License-Identifier: BSD-3-Clause
// Points and vectors of the mesher.
#pragma once

#include <cmath>

namespace headfield {

struct Vec3 {
    double x, y, z;

    double& operator[](int d) { return d == 0 ? x : d == 1 ? y : z; }
    double operator[](int d) const { return d == 0 ? x : d == 1 ? y : z; }
};

inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(const Vec3& a, const Vec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(double s, const Vec3& a) { return {s * a.x, s * a.y, s * a.z}; }
inline double dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline double norm(const Vec3& a) { return std::sqrt(dot(a, a)); }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
// The vector, shortened to a length where it is longer.
inline Vec3 at_most(double length, const Vec3& a) {
    const double l = norm(a);
    return l > length ? (length / l) * a : a;
}

}  // namespace headfield
