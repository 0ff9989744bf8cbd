// SPDX-License-Identifier: BSD-3-Clause
// Smoothed-aggregation algebraic multigrid (Vaněk, Mandel, Brezina 1996) for one head. The hierarchy is built once, on
// the host and in float64, for both modules; it is stored in float32 for the V-cycle, which costs no iteration. How it
// gets to where the loops work is device_hierarchy.hpp, and the V-cycle over it is in pcg.cpp.
#pragma once

#include <vector>

#include "csr.hpp"
#include "poll.hpp"
#include "verbs.hpp"

namespace headfield {

// One level. Its matrix is scaled to a unit diagonal, Â = D^-½ A D^-½, so that the Jacobi part of the smoother is the
// identity. The coarsest level has no p, ap and pt.
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
    Buffer<double> values64;       // the scaled fine matrix in float64, on the pattern of the first level
    Buffer<double> scale;          // D^-½ of the fine matrix, 0 at fixed nodes: φ = scale ∘ φ̂
    Buffer<double> unscale;        // D^½, 0 at fixed nodes
    Buffer<double> weight;         // D: ‖r‖² = Σ weight r̂²
};

// Builds the hierarchy of a symmetric positive semidefinite stiffness matrix whose potential is held at zero where
// fixed (rows,) is not 0. Every part that the matrix couples needs one fixed node or more. A coupling is strong if
// |a_ij| > theta sqrt(a_ii a_jj). `first`, if it is not null, prolongs potentials from the second level to the first in
// place of aggregates: from linear elements to quadratic ones. It is left out where it has nearly as many columns as
// rows. Throws std::invalid_argument where a diagonal is not positive. Polls.
Hierarchy build_hierarchy(const CsrView<double>& stiffness, const uint8_t* fixed, double theta,
                          const CsrView<double>* first, const Poll& poll);

}  // namespace headfield
