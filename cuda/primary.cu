// SPDX-License-Identifier: BSD-3-Clause
// The primary field ∂A/∂t = dI/dt A of a coil on a GPU, and its B: direct sums over its sources, and interpolation on
// nested lattices in the coil's own frame. These are the loops of PrimaryKernels (cpp/kernels.hpp), which
// cpp/primary.cpp has for CPU cores.
#include "sources.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// The bodies of for_sources and add_sources: one source of cpp/source.hpp each.
template <class T>
struct AddDipole {
    T* a;
    __device__ void operator()(const T d[3], const T m[3]) const { add_dipole(d, m, a); }
};

template <class T>
struct AddSegment {
    T* a;
    __device__ void operator()(const T d[3], const T dl[3]) const { add_segment(d, dl, a); }
};

template <class T>
struct AddDipoleField {
    T* b;
    __device__ void operator()(const T d[3], const T m[3]) const { add_dipole_field(d, m, b); }
};

template <class T>
struct AddSegmentField {
    T* b;
    __device__ void operator()(const T d[3], const T dl[3]) const { add_segment_field(d, dl, b); }
};

struct Nearest {
    float* r2;
    __device__ void operator()(const float d[3], const float* /*v*/) const {
        *r2 = fminf(*r2, d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    }
};

// A at point i in thread i; the next two kernels are made in the same way.
template <class T>
__global__ void __launch_bounds__(source_tile)
    potential_at(int64_t n, const double* points, SourcesView<T> sources, T* a) {
    const int64_t i = int64_t(blockIdx.x) * source_tile + threadIdx.x;
    T r[3], sum[3] = {T(0), T(0), T(0)};
    load_point(points, n, i, r);
    for_sources(sources.dipoles, r, AddDipole<T>{sum});
    for_sources(sources.segments, r, AddSegment<T>{sum});
    for (int q = 0; q < 3 && i < n; ++q) a[3 * i + q] = T(mu0_over_4pi) * sum[q];
}

template <class T>
__global__ void __launch_bounds__(source_tile)
    magnetic_field_at(int64_t n, const double* points, SourcesView<T> sources, T* b) {
    const int64_t i = int64_t(blockIdx.x) * source_tile + threadIdx.x;
    T r[3], sum[3] = {T(0), T(0), T(0)};
    load_point(points, n, i, r);
    for_sources(sources.dipoles, r, AddDipoleField<T>{sum});
    for_sources(sources.segments, r, AddSegmentField<T>{sum});
    for (int q = 0; q < 3 && i < n; ++q) b[3 * i + q] = T(mu0_over_4pi) * sum[q];
}

__global__ void __launch_bounds__(source_tile)
    distance_at(int64_t n, const double* points, SourcesView<float> sources, float* distance) {
    const int64_t i = int64_t(blockIdx.x) * source_tile + threadIdx.x;
    float r[3], r2 = 1e30f;
    load_point(points, n, i, r);
    for_sources(sources.dipoles, r, Nearest{&r2});
    for_sources(sources.segments, r, Nearest{&r2});
    if (i < n) distance[i] = sqrtf(r2);
}

void potential64(int64_t n, const double* points, SourcesView<double> sources, double* a) {
    launch(potential_at<double>, blocks_for(n, source_tile), dim3(source_tile), n, points, sources, a);
}

void potential32(int64_t n, const double* points, SourcesView<float> sources, float* a) {
    launch(potential_at<float>, blocks_for(n, source_tile), dim3(source_tile), n, points, sources, a);
}

void magnetic_field64(int64_t n, const double* points, SourcesView<double> sources, double* b) {
    launch(magnetic_field_at<double>, blocks_for(n, source_tile), dim3(source_tile), n, points, sources, b);
}

void magnetic_field32(int64_t n, const double* points, SourcesView<float> sources, float* b) {
    launch(magnetic_field_at<float>, blocks_for(n, source_tile), dim3(source_tile), n, points, sources, b);
}

void nearest_source(int64_t n, const double* points, SourcesView<float> sources, float* distance) {
    launch(distance_at, blocks_for(n, source_tile), dim3(source_tile), n, points, sources, distance);
}

// A at x in the coil frame. Returns false if it came from the direct sum, which few points of a head need.
__device__ bool sample(const GridView& grid, const float x[3], float a[3]) {
    if (interpolate<Lanes<float, 16>>(grid, x, a)) return true;
    float sum[3] = {0.f, 0.f, 0.f};
    add_sources(grid.sources.dipoles, x, AddDipole<float>{sum});
    add_sources(grid.sources.segments, x, AddSegment<float>{sum});
    for (int q = 0; q < 3; ++q) a[q] = float(mu0_over_4pi) * sum[q];
    return false;
}

constexpr int tile = 32;  // nodes of a block

// Fills 32 nodes' rows of adot (n, 3, W), or adds to them; counts the direct sums. Threads (32, 8): a warp takes 32
// neighbouring nodes for one pose, which look up the same few cells of its lattices, then goes on to the pose eight
// further. The rows are collected in shared memory and written as consecutive memory; one number more a row keeps a
// warp, which writes down a column there, off a single bank. Poses are taken apart once a block, by a thread each.
template <class W>
__global__ void __launch_bounds__(256) sample_tile(int64_t n, const double* nodes, GridView grid, Placements placements,
                                                   bool add, float* adot, unsigned long long* direct) {
    __shared__ float rows[3 * tile][W::value + 1];
    __shared__ Placed coils[W::value];
    const int thread = static_cast<int>(threadIdx.y * tile + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile, i = begin + threadIdx.x;
    const int count = static_cast<int>(n - begin < tile ? n - begin : tile);
    if (thread < placements.k) coils[thread].place(placements.poses + 16 * thread, placements.rates[thread]);
    __syncthreads();
    for (int32_t c = static_cast<int32_t>(threadIdx.y); i < n && c < W::value; c += 8) {
        float a[3] = {0.f, 0.f, 0.f};
        if (c < placements.k) {
            float x[3], there[3];
            coils[c].in_coil_frame(nodes + 3 * i, x);
            if (!sample(grid, x, there)) atomicAdd(direct, 1ULL);
            const float* r = coils[c].rated;
            for (int q = 0; q < 3; ++q) a[q] = r[3 * q] * there[0] + r[3 * q + 1] * there[1] + r[3 * q + 2] * there[2];
        }
        for (int q = 0; q < 3; ++q) rows[3 * threadIdx.x + q][c] = a[q];
    }
    __syncthreads();
    for (int v = thread; v < 3 * count * W::value; v += 256) {
        float* at = adot + 3 * begin * W::value + v;
        *at = add ? *at + rows[v / W::value][v % W::value] : rows[v / W::value][v % W::value];
    }
}

int64_t sample_grid(int width, int64_t n, const double* nodes, const GridView& grid, const Placements& placements,
                    bool add, float* adot) {
    const Counter direct;
    with_width(width, [&](auto w) {
        launch(sample_tile<decltype(w)>, blocks_for(n, tile), dim3(tile, 8), n, nodes, grid, placements, add, adot,
               direct.data());
    });
    return direct.value();
}

}  // namespace

}  // namespace HEADFIELD_ISA

const PrimaryKernels& device_primary() {
    static const PrimaryKernels kernels{potential64,      potential32,    magnetic_field64,
                                        magnetic_field32, nearest_source, sample_grid};
    return kernels;
}

}  // namespace headfield
