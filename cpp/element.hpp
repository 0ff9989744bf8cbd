// SPDX-License-Identifier: BSD-3-Clause
// What is true of one linear (P1) tetrahedron, for the host and the device alike. Loops over a mesh are not here: they
// are what differs between the two.
#pragma once

#include "macros.hpp"
#include "views.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Signed volume (m³) and the gradients (1/m) of the four barycentric coordinates λ_0…λ_3.
struct TetGeometry {
    double volume;
    double grad[4][3];
};

// From the corners x[4] (m), each 3 coordinates. With edges e_k = x_k − x_0: 6V = e_1·(e_2 × e_3),
// ∇λ_1 = e_2 × e_3 / 6V and cyclic, ∇λ_0 = −∇λ_1 − ∇λ_2 − ∇λ_3.
HEADFIELD_HD inline TetGeometry tet_geometry(const double* x0, const double* x1, const double* x2, const double* x3) {
    double e[3][3];
    for (int d = 0; d < 3; ++d) {
        e[0][d] = x1[d] - x0[d];
        e[1][d] = x2[d] - x0[d];
        e[2][d] = x3[d] - x0[d];
    }
    TetGeometry g;
    for (int k = 0; k < 3; ++k) {
        const double* a = e[(k + 1) % 3];
        const double* b = e[(k + 2) % 3];
        g.grad[k + 1][0] = a[1] * b[2] - a[2] * b[1];
        g.grad[k + 1][1] = a[2] * b[0] - a[0] * b[2];
        g.grad[k + 1][2] = a[0] * b[1] - a[1] * b[0];
    }
    const double six_volume = e[0][0] * g.grad[1][0] + e[0][1] * g.grad[1][1] + e[0][2] * g.grad[1][2];
    const double inverse = 1.0 / six_volume;
    for (int d = 0; d < 3; ++d) {
        for (int k = 1; k < 4; ++k) g.grad[k][d] *= inverse;
        g.grad[0][d] = -(g.grad[1][d] + g.grad[2][d] + g.grad[3][d]);
    }
    g.volume = six_volume / 6.0;
    return g;
}

// Conductivity (S/m) of one element: one number, or a symmetric tensor as 9 numbers, row-major.
struct Conductivity {
    const double* values;
    bool tensor;

    // V σ v, the flux of a vector v through an element of volume V.
    HEADFIELD_HD void apply(double volume, const double v[3], double out[3]) const {
        for (int d = 0; d < 3; ++d) {
            out[d] = tensor ? volume * (values[3 * d] * v[0] + values[3 * d + 1] * v[1] + values[3 * d + 2] * v[2])
                            : volume * values[0] * v[d];
        }
    }
};

// a · b
HEADFIELD_HD inline double dot3(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// The same for tetrahedron t of a mesh.
HEADFIELD_HD inline TetGeometry tet_geometry(const MeshView& mesh, int64_t t) {
    const int32_t* node = mesh.tets + 4 * t;
    return tet_geometry(mesh.nodes + 3 * int64_t(node[0]), mesh.nodes + 3 * int64_t(node[1]),
                        mesh.nodes + 3 * int64_t(node[2]), mesh.nodes + 3 * int64_t(node[3]));
}

// The middle of tetrahedron t, m.
struct TetMiddle {
    double at[3];
};
HEADFIELD_HD inline TetMiddle tet_middle(const MeshView& mesh, int64_t t) {
    const int32_t* node = mesh.tets + 4 * t;
    TetMiddle middle;
    for (int d = 0; d < 3; ++d) {
        double sum = 0.0;
        for (int k = 0; k < 4; ++k) sum += mesh.nodes[3 * int64_t(node[k]) + d];
        middle.at[d] = 0.25 * sum;
    }
    return middle;
}

// Vectors of a tetrahedron: rows 0…3 are the gradients of its barycentric coordinates, 1/m; where there are eight rows,
// 4…7 lead half of the way from its middle to its corners, m.
template <int Rows>
struct TetVectors {
    float row[Rows][3];
};

// Those of tetrahedron t. They are computed in float64, as edges are small differences of coordinates, and rounded for
// fields, which are float32.
template <int Rows>
HEADFIELD_HD inline TetVectors<Rows> tet_vectors(const MeshView& mesh, int64_t t) {
    const TetGeometry g = tet_geometry(mesh, t);
    TetVectors<Rows> rounded;
    for (int v = 0; v < 12; ++v) rounded.row[v / 3][v % 3] = static_cast<float>(g.grad[v / 3][v % 3]);
    if constexpr (Rows == 8) {
        const TetMiddle middle = tet_middle(mesh, t);
        for (int v = 0; v < 12; ++v) {
            const double x = mesh.nodes[3 * int64_t(mesh.tets[4 * t + v / 3]) + v % 3];
            rounded.row[4 + v / 3][v % 3] = static_cast<float>(0.5 * (x - middle.at[v % 3]));
        }
    }
    return rounded;
}

// Adds what tetrahedron t, which holds node i, gives to row i of the operators of pattern.hpp: V ∇λ_i · σ∇λ_j to
// stiffness (row,) and V W_jᵀ σ∇λ_i to source (row, 3), for its four nodes j. at(j) is the place of column j in the row.
// The mean of Ȧ over a tetrahedron is taken for Σ_j W_j Ȧ_j, W_j = 1/4: that of a linear Ȧ. With `edges` it is that of
// the lowest edge element (Whitney) with Ȧ along each edge from its ends, W_j = (1 + 4 ∇λ_j (x_j − x̄)ᵀ) / 8.
template <class At>
HEADFIELD_HD inline void add_tet(const MeshView& mesh, Conductivity sigma, bool edges, int32_t i, int64_t t, At at,
                                 double* stiffness, double* source) {
    const int32_t* node = mesh.tets + 4 * t;
    const TetGeometry g = tet_geometry(mesh, t);
    int self = 0;
    while (node[self] != i) ++self;
    double flux[3];
    sigma.apply(g.volume, g.grad[self], flux);  // σ is symmetric: ∇λ_i·σ∇λ_j = (σ∇λ_i)·∇λ_j
    for (int k = 0; k < 4; ++k) {
        const int32_t place = at(node[k]);
        const double product = dot3(flux, g.grad[k]);
        stiffness[place] += product;
        if (!edges) {
            for (int d = 0; d < 3; ++d) source[3 * place + d] += 0.25 * flux[d];
            continue;
        }
        const TetMiddle middle = tet_middle(mesh, t);
        const double* x = mesh.nodes + 3 * int64_t(node[k]);
        for (int d = 0; d < 3; ++d) source[3 * place + d] += 0.125 * flux[d] + 0.5 * product * (x[d] - middle.at[d]);
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
