// SPDX-License-Identifier: BSD-3-Clause
// What the loops over coils share on a GPU (primary.cu, slopes.cu): passes over the sources of a coil, and where a coil
// is.
#pragma once

#include "../cpp/kernels.hpp"
#include "../cpp/lattice.hpp"
#include "loops.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

constexpr int source_tile = 128;  // sources that a block holds in shared memory, and its threads, each with a point

// Calls body(d, v) for every source, d from it to the point r (3,), v its moment or length. A block loads 128 sources
// at a time to shared memory, one a thread, and each thread then goes through them in order for its own point. All
// threads of the block have to take part, those without a point too, since they load and meet at barriers.
template <class T, class Body>
__device__ void for_sources(SourceView<T> sources, const T r[3], Body body) {
    __shared__ T shared[6][source_tile];
    for (int64_t first = 0; first < sources.padded; first += source_tile) {
        const int64_t k = first + threadIdx.x;
        for (int q = 0; q < 6; ++q) {
            shared[q][threadIdx.x] = k < sources.padded ? sources.data[q * sources.padded + k] : T(0);
        }
        __syncthreads();  // the tile is there
        const int64_t left = sources.padded - first;
        for (int j = 0; j < source_tile && j < left; ++j) {
            const T d[3] = {r[0] - shared[0][j], r[1] - shared[1][j], r[2] - shared[2][j]};
            const T v[3] = {shared[3][j], shared[4][j], shared[5][j]};
            body(d, v);
        }
        __syncthreads();  // nobody reads it any more
    }
}

// Loads point i of (n, 3), rounded to T; a thread beyond the last point works on the origin, and writes nothing.
template <class T>
__device__ void load_point(const double* points, int64_t n, int64_t i, T r[3]) {
    for (int q = 0; q < 3; ++q) r[q] = i < n ? static_cast<T>(points[3 * i + q]) : T(0);
}

// Calls add(d, v) for every source, one after the other, in one thread. For single points among many that are
// interpolated, where the threads of a block can't load together.
template <class Add>
__device__ void add_sources(SourceView<float> sources, const float r[3], Add add) {
    const int64_t n = sources.padded;
    const float* p = sources.data;
    for (int64_t k = 0; k < n; ++k) {
        const float d[3] = {r[0] - p[k], r[1] - p[n + k], r[2] - p[2 * n + k]};
        const float v[3] = {p[3 * n + k], p[4 * n + k], p[5 * n + k]};
        add(d, v);
    }
}

// Where a coil is: R and t of its pose, and its rate times R, which takes A to ∂A/∂t in head coordinates.
struct Placed {
    double t[3];
    float rotation[9], rated[9];
    __device__ void place(const double* pose, double rate) {
        for (int q = 0; q < 9; ++q) {
            const double r = pose[4 * (q / 3) + q % 3];
            rotation[q] = static_cast<float>(r);
            rated[q] = static_cast<float>(rate * r);
        }
        for (int q = 0; q < 3; ++q) t[q] = pose[4 * q + 3];
    }
    // x = Rᵀ (node − t). Only the difference needs float64, which is slow on some GPUs.
    __device__ void in_coil_frame(const double* node, float x[3]) const {
        float away[3];
        for (int d = 0; d < 3; ++d) away[d] = static_cast<float>(node[d] - t[d]);
        for (int q = 0; q < 3; ++q)
            x[q] = rotation[q] * away[0] + rotation[3 + q] * away[1] + rotation[6 + q] * away[2];
    }
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
