// SPDX-License-Identifier: BSD-3-Clause
// The headers of one element and one dipole, compiled for a device as they stand.
#include "dipole.hpp"
#include "element.hpp"

__global__ void one_of_each(const double* nodes, const double* sigma, const float* dipoles, double* out) {
    using namespace headfield;
    const TetGeometry g = tet_geometry(nodes, nodes + 3, nodes + 6, nodes + 9);
    const Conductivity s{sigma, true};
    s.apply(g.volume, g.grad[0], out);
    out[3] = dot3(g.grad[1], out);
    const float d[3] = {dipoles[0], dipoles[1], dipoles[2]}, m[3] = {dipoles[3], dipoles[4], dipoles[5]};
    float a[3] = {0.f, 0.f, 0.f}, w[4];
    add_dipole(d, m, a);
    cubic_weights(a[0], w);
    out[4] = w[0] + w[3];
}
