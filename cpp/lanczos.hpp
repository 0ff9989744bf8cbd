// SPDX-License-Identifier: BSD-3-Clause
// The largest eigenvalue of a symmetric matrix, on the host.
#pragma once

#include "csr.hpp"
#include "poll.hpp"

namespace headfield {

// Estimates the largest eigenvalue of a symmetric matrix by twelve steps of Lanczos' method. The start vector is always
// the same, so that the hierarchy is. Nothing is orthogonalised again: that would only matter for the other
// eigenvalues. Each step has two fused loops, w = A v − β v_old with α = v·w, then w −= α v with β² = w·w.
double largest_eigenvalue(const Csr<double>& a, const Poll& poll);

}  // namespace headfield
