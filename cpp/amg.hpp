// SPDX-License-Identifier: BSD-3-Clause
// Smoothed-aggregation algebraic multigrid (Vaněk, Mandel, Brezina 1996) for one head: built once, on the host, in
// float64; stored in float32 for the V-cycle, which costs no iteration.
#pragma once

#include <vector>

#include "csr.hpp"
#include "poll.hpp"
#include "verbs.hpp"

namespace headfield {

// Every level's matrix is scaled to a unit diagonal, Â = D^-½ A D^-½, so the Jacobi part of the smoother is the identity.
struct Level {
    Csr<float> a;
    Smoother smoother{};
    Csr<float> p;   // prolongation from the next level
    Csr<float> ap;  // A P, for the residual after a coarse correction
    Csr<float> pt;  // Pᵀ
};

struct Hierarchy {
    std::vector<Level> levels;
    Buffer<float> coarse_inverse;  // dense, of the last level; empty where that level was too large to invert
    Buffer<double> values64;       // of the fine matrix, scaled, on the pattern of the first level
    Buffer<double> scale;          // D^-½ of the fine matrix, 0 at fixed nodes: φ = scale ∘ φ̂
    Buffer<double> unscale;        // D^½, 0 at fixed nodes
    Buffer<double> weight;         // D: ‖r‖² = Σ weight r̂²
};

// Of the symmetric positive semidefinite stiffness matrix with the potential held at zero where fixed (rows,) is not 0: at
// one node or more of every part that the matrix couples. A coupling is strong if |a_ij| > theta sqrt(a_ii a_jj). Polls.
Hierarchy build_hierarchy(const CsrView<double>& stiffness, const uint8_t* fixed, double theta, const Poll& poll);

}  // namespace headfield
