// SPDX-License-Identifier: BSD-3-Clause
// From ∂A/∂t to right-hand sides, and from potentials to the electric field, on a GPU: the loops of FieldKernels
// (cpp/kernels.hpp), which cpp/field.cpp has for CPU cores.
#include "../cpp/kernels.hpp"
#include "tiles.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void right_hand_side(int width, const CsrView<float>& source, const float* adot, double* b) {
    with_width(width, [&](auto w) { for_rows(source.rows, w, RightHandSide<Block<decltype(w)>>{source, adot, b}); });
}

void electric_field(int width, const MeshView& mesh, const double* phi, NodalRates rates, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out, const Poll& /*poll*/) {
    with_means(rates, [&](auto adot) {
        const ElementField<decltype(adot)> value{mesh, phi, adot, elements};
        by_columns(width, mesh, value, n_elements, k, scale, out);
    });
}

void field_at_points(int width, const PointRows& from, int32_t k, const double* scale, float* out,
                     const Poll& /*poll*/) {
    with_rates(from.adot, [&](auto rates) {
        const PointField<decltype(rates)> value{from.gradient, from.share, from.phi, rates};
        by_columns(width, {}, value, from.gradient.rows, k, scale, out);
    });
}

void subtract_product(int width, const CsrView<double>& m, const double* x, double* b) {
    with_width(width, [&](auto w) { for_rows(m.rows, w, SubtractProduct<Block<decltype(w)>>{m, x, b}); });
}

// out[c, node[i]] = scale_c phi[i, c], and pack_tile the reverse. A block of threads (32, 8) owns 32 rows of the block
// vector, which are consecutive memory and are read or written as such, by way of shared memory. Beyond it threadIdx.x
// is a node and threadIdx.y a pose of every eight, and a warp scatters 32 numbers of one pose. A row of shared memory
// has one number more than W, so that a warp that goes down a column does not meet the same bank.
template <class W>
__global__ void __launch_bounds__(256)
    unpack_tile(int64_t n, const double* phi, const int32_t* node, int32_t k, const double* scale, double* out) {
    __shared__ double rows[tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * tile + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile, i = begin + threadIdx.x;
    const int count = static_cast<int>(n - begin < tile ? n - begin : tile);
    for (int v = thread; v < count * W::value; v += 256) rows[v / W::value][v % W::value] = phi[begin * W::value + v];
    __syncthreads();  // all 256 threads have loaded what others read
    if (i >= n) return;
    for (int32_t c = static_cast<int32_t>(threadIdx.y); c < k; c += 8) {
        out[int64_t(c) * n + node[i]] = scale[c] * rows[threadIdx.x][c];
    }
}

// phi[i, c] = scale_c from[c, node[i]]; columns from k on become zero.
template <class W>
__global__ void __launch_bounds__(256)
    pack_tile(int64_t n, const double* from, const int32_t* node, int32_t k, const double* scale, double* phi) {
    __shared__ double rows[tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * tile + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile, i = begin + threadIdx.x;
    const int count = static_cast<int>(n - begin < tile ? n - begin : tile);
    for (int32_t c = static_cast<int32_t>(threadIdx.y); i < n && c < W::value; c += 8) {
        rows[threadIdx.x][c] = c < k ? scale[c] * from[int64_t(c) * n + node[i]] : 0.0;
    }
    __syncthreads();
    for (int v = thread; v < count * W::value; v += 256) phi[begin * W::value + v] = rows[v / W::value][v % W::value];
}

void unpack(int width, int64_t n, const double* phi, const int32_t* node, int32_t k, const double* scale, double* out) {
    with_width(width, [&](auto w) {
        launch(unpack_tile<decltype(w)>, blocks_for(n, tile), dim3(tile, 8), n, phi, node, k, scale, out);
    });
}

void pack(int width, int64_t n, const double* rows, const int32_t* node, int32_t k, const double* scale, double* phi) {
    with_width(width, [&](auto w) {
        launch(pack_tile<decltype(w)>, blocks_for(n, tile), dim3(tile, 8), n, rows, node, k, scale, phi);
    });
}

}  // namespace

}  // namespace HEADFIELD_ISA

const FieldKernels& device_field() {
    static const FieldKernels kernels{right_hand_side, electric_field, field_at_points, subtract_product, unpack, pack};
    return kernels;
}

const char* instruction_set() { return "cuda"; }

}  // namespace headfield
