// SPDX-License-Identifier: BSD-3-Clause
// How the vector potential of a coil changes with where the coil is, on a GPU: the loops of SlopeKernels
// (cpp/kernels.hpp), which cpp/slopes.cpp has for CPU cores.
#include "sources.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// The bodies of for_sources and add_sources: A of one source of cpp/source.hpp each, and the slope of v · A.
template <class T>
struct DipoleSlope {
    const T* v;
    T *a, *slope;
    __device__ void operator()(const T d[3], const T m[3]) const { add_dipole_slope(d, m, v, a, slope); }
};

template <class T>
struct SegmentSlope {
    const T* v;
    T *a, *slope;
    __device__ void operator()(const T d[3], const T dl[3]) const { add_segment_slope(d, dl, v, a, slope); }
};

// A at point i in thread i, and the gradient of v · A there.
template <class T>
__global__ void __launch_bounds__(source_tile)
    slopes_at(int64_t n, const double* points, const double* vectors, SourcesView<T> sources, T* out) {
    const int64_t i = int64_t(blockIdx.x) * source_tile + threadIdx.x;
    T r[3], v[3], a[3] = {T(0), T(0), T(0)}, slope[3] = {T(0), T(0), T(0)};
    load_point(points, n, i, r);
    load_point(vectors, n, i, v);
    for_sources(sources.dipoles, r, DipoleSlope<T>{v, a, slope});
    for_sources(sources.segments, r, SegmentSlope<T>{v, a, slope});
    for (int q = 0; q < 3 && i < n; ++q) {
        out[6 * i + q] = T(mu0_over_4pi) * a[q];
        out[6 * i + 3 + q] = T(mu0_over_4pi) * slope[q];
    }
}

// The pull of currents c at x on a coil, added to `pull`, see add_pull.
__device__ void pull_node(const GridView& grid, const float x[3], const float c[3], double pull[7]) {
    float a[3], slope[3];
    if (!interpolate_slope<Lanes<float, 16>, Lanes<float, 4>>(grid, x, c, a, slope)) {
        float sum[3] = {0.f, 0.f, 0.f}, slopes[3] = {0.f, 0.f, 0.f};
        add_sources(grid.sources.dipoles, x, DipoleSlope<float>{c, sum, slopes});
        add_sources(grid.sources.segments, x, SegmentSlope<float>{c, sum, slopes});
        for (int q = 0; q < 3; ++q) {
            a[q] = float(mu0_over_4pi) * sum[q];
            slope[q] = float(mu0_over_4pi) * slopes[q];
        }
    }
    add_pull(x, c, a, slope, pull);
}

constexpr int warp = 32;

// partial[b, c] (7,) = the pull of the currents at the 256 nodes of block b on a coil at pose c. Threads (32, 8): a warp
// takes the nodes for one pose, each thread every 32nd, then goes on to the pose eight further. What its threads have
// found is added up in shared memory, thread after thread. The barriers are for all threads of the block, those of
// poses beyond k too.
__global__ void __launch_bounds__(256) pull_chunk(int width, int64_t n, const double* nodes, GridView grid,
                                                  Placements placements, const float* currents, double* partial) {
    __shared__ double found[8][7][warp + 1];
    const int64_t begin = int64_t(blockIdx.x) * pulled_together;
    const int slot = static_cast<int>(threadIdx.y), k = placements.k;
    for (int first = 0; first < k; first += 8) {
        const int c = first + slot;
        double pull[7] = {};
        if (c < k) {
            Placed coil;
            coil.place(placements.poses + 16 * c, 1.0);
            for (int64_t i = begin + threadIdx.x; i < n && i < begin + pulled_together; i += warp) {
                float x[3], there[3];
                coil.in_coil_frame(nodes + 3 * i, x);
                const float *at = currents + 3 * i * width + c, *r = coil.rotation;
                for (int q = 0; q < 3; ++q) there[q] = r[q] * at[0] + r[3 + q] * at[width] + r[6 + q] * at[2 * width];
                pull_node(grid, x, there, pull);
            }
        }
        for (int v = 0; v < 7; ++v) found[slot][v][threadIdx.x] = pull[v];
        __syncthreads();
        if (c < k && threadIdx.x < 7) {
            double sum = 0.0;
            for (int t = 0; t < warp; ++t) sum += found[slot][threadIdx.x][t];
            partial[7 * (int64_t(blockIdx.x) * k + c) + threadIdx.x] = sum;
        }
        __syncthreads();  // nobody reads it any more
    }
}

void slopes64(int64_t n, const double* points, const double* vectors, SourcesView<double> sources, double* out) {
    launch(slopes_at<double>, blocks_for(n, source_tile), dim3(source_tile), n, points, vectors, sources, out);
}

void slopes32(int64_t n, const double* points, const double* vectors, SourcesView<float> sources, float* out) {
    launch(slopes_at<float>, blocks_for(n, source_tile), dim3(source_tile), n, points, vectors, sources, out);
}

void pull_grid(int width, int64_t n, const double* nodes, const GridView& grid, const Placements& placements,
               const float* currents, double* partial, double* out, const Poll& /*poll*/) {
    const int64_t chunks = blocks_for(n, pulled_together);
    launch(pull_chunk, chunks, dim3(warp, 8), width, n, nodes, grid, placements, currents, partial);
    launch(column_sum<1024>, 7 * int64_t(placements.k), dim3(1024), chunks, partial, out);
}

}  // namespace

}  // namespace HEADFIELD_ISA

const SlopeKernels& device_slopes() {
    static const SlopeKernels kernels{slopes64, slopes32, pull_grid};
    return kernels;
}

}  // namespace headfield
