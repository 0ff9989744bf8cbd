// SPDX-License-Identifier: BSD-3-Clause
// Conjugate gradients for one right-hand side with all vectors in float64, for those that float32 (pcg.hpp) gets nowhere
// with. Flat tetrahedra, or good conductors that an insulator keeps apart, give the preconditioned matrix a few tiny
// eigenvalues: below 1e-7, float32 can't tell p · A p from nothing. In float64 each costs an iteration or two, with the
// V-cycle as it is. It moves twice the bytes, and reads the matrix for one column alone.
#pragma once

#include "pcg.hpp"

namespace headfield {

// Solves K φ = b for b and φ (n,) in the rows of free nodes, from the guess φ, 0 at fixed nodes, until ‖b − K φ‖ is at
// most `tolerance` ‖b‖. `b` is used as work space. Polls within and between iterations.
ColumnReport solve_in_float64(const DeviceHierarchy& hierarchy, double* b, double* phi, double tolerance,
                              int max_iterations, const Poll& poll);

}  // namespace headfield
