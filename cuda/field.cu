// SPDX-License-Identifier: BSD-3-Clause
// From meshes to matrices, from ∂A/∂t to right-hand sides, and from potentials to the electric field, on a GPU.
#include "../cpp/element.hpp"
#include "../cpp/field_rows.hpp"
#include "../cpp/kernels.hpp"
#include "loops.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// Place of column j in a sorted row that holds it.
struct FindColumn {
    const int32_t* col;
    int32_t count;
    HEADFIELD_HD int32_t operator()(int32_t j) const {
        int32_t low = 0, high = count - 1;
        while (low < high) {
            const int32_t middle = (low + high) / 2;
            if (col[middle] < j) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
};

// Row i of both operators, a thread a row: no two threads add to one number. source64 (nnz, 3) is work space.
__global__ void __launch_bounds__(128) assemble_row(MeshView mesh, PatternView p, const double* sigma, bool tensor,
                                                    double* stiffness, double* source64, float* source) {
    const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= mesh.n_nodes) return;
    const int64_t begin = p.ptr[i], end = p.ptr[i + 1];
    for (int64_t k = begin; k < end; ++k) stiffness[k] = 0.0;
    for (int64_t v = 3 * begin; v < 3 * end; ++v) source64[v] = 0.0;
    const FindColumn at{p.col + begin, static_cast<int32_t>(end - begin)};
    for (int64_t k = p.start[i]; k < p.start[i + 1]; ++k) {
        const int64_t t = p.around[k];
        const Conductivity s{sigma + t * (tensor ? 9 : 1), tensor};
        add_tet(mesh, s, static_cast<int32_t>(i), t, at, stiffness + begin, source64 + 3 * begin);
    }
    for (int64_t v = 3 * begin; v < 3 * end; ++v) source[v] = static_cast<float>(source64[v]);
}

void assemble(const MeshView& mesh, const PatternView& p, const double* sigma, bool tensor, double* stiffness,
              float* source) {
    int32_t nnz = 0;
    copy_to_host(&nnz, p.ptr + mesh.n_nodes, sizeof nnz);
    const DeviceBuffer<double> source64(3 * size_t(nnz));
    launch(assemble_row, blocks_for(mesh.n_nodes, 128), dim3(128), mesh, p, sigma, tensor, stiffness, source64.data(),
           source);
}

void right_hand_side(int width, const CsrView<float>& source, const float* adot, double* b) {
    with_width(width, [&](auto w) { for_rows(source.rows, w, RightHandSide<Block<decltype(w)>>{source, adot, b}); });
}

constexpr int tile = 32;  // elements, or nodes, that a block turns from rows of columns to columns of rows

// M of the N numbers that each of `count` places has in `rows`, from row `first` on, to out (k, total, M), of which a
// warp writes 128 M consecutive bytes a column.
template <int N, int M, int Padded>
__device__ void turn_tile(const float (*rows)[Padded], int first, int count, int32_t k, int64_t total, int64_t begin,
                          float* out) {
    for (int v = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); v < M * count * k; v += 256) {
        const int column = v / (M * count), number = v % (M * count);
        out[(int64_t(column) * total + begin) * M + number] = rows[N * (number / M) + first + number % M][column];
    }
}

// What `value` finds at 32 places, threads (lanes, rows): geometry once an element, then all columns of a place by
// neighbouring threads, and through shared memory to out (k, total, 3); of a fourth number the root times |scale| to
// error (k, total).
template <class W, class Value>
__global__ void __launch_bounds__(256)
    value_tile(MeshView mesh, Value value, int64_t total, int32_t k, const double* scale, float* out, float* error) {
    using C = Block<W>;
    constexpr int N = Value::numbers < 4 ? 3 : 4;
    __shared__ TetGradients geometry[tile];
    __shared__ float rows[N * tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * C::lanes + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile;
    const int count = static_cast<int>(total - begin < tile ? total - begin : tile);
    if constexpr (Value::geometric) {
        if (thread < count) geometry[thread] = tet_gradients(mesh, value.element(begin + thread));
        __syncthreads();
    }
    const C c = C::of_thread(threadIdx.x, 0);
    typename C::F factor = C::F::all(0.f);
    for (int l = 0; l < C::count && c.first + l < k; ++l) factor.v[l] = static_cast<float>(scale[c.first + l]);
    for (int j = static_cast<int>(threadIdx.y); j < count; j += rows_at_once<C>) {
        typename C::F numbers[Value::numbers];
        value(c, begin + j, geometry[j].grad, numbers);
        for (int l = 0; l < C::count; ++l) {
            for (int d = 0; d < 3; ++d) rows[N * j + d][c.first + l] = factor.v[l] * numbers[d].v[l];
            if constexpr (N == 4) rows[4 * j + 3][c.first + l] = fabsf(factor.v[l]) * sqrtf(numbers[3].v[l]);
        }
    }
    __syncthreads();
    turn_tile<N, 3>(rows, 0, count, k, total, begin, out);
    if constexpr (N == 4) turn_tile<4, 1>(rows, 3, count, k, total, begin, error);
}

template <class Value>
void by_columns(int width, const MeshView& mesh, const Value& value, int64_t total, int32_t k, const double* scale,
                float* out, float* error = nullptr) {
    with_width(width, [&](auto w) {
        using W = decltype(w);
        using C = Block<W>;
        launch(value_tile<W, Value>, blocks_for(total, tile), dim3(C::lanes, rows_at_once<C>), mesh, value, total, k,
               scale, out, error);
    });
}

void electric_field(int width, const MeshView& mesh, const double* phi, const float* adot, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out) {
    by_columns(width, mesh, ElementField{mesh, phi, adot, elements}, n_elements, k, scale, out);
}

void recover(int width, const CsrView<float>& weight, const int32_t* node, const float* rate, const double* phi,
             const float* adot, float* rows) {
    with_width(width, [&](auto w) {
        for_rows(weight.rows, w, Recover<Block<decltype(w)>>{weight, node, rate, adot, phi, rows});
    });
}

void interpolate(int width, int64_t points, const int32_t* corner, const float* weight, const float* rows, int32_t k,
                 const double* scale, float* out) {
    by_columns(width, {}, Interpolated{corner, weight, rows}, points, k, scale, out);
}

// volume × the mean square of what recovery changes in an element, or of |E*|².
template <class C>
struct ErrorSum {
    RecoveredElements from;
    RecoveredField value;
    bool of_error;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        const TetGradients geometry = tet_gradients(from.mesh, value.element(i));
        typename C::F field[RecoveredField::numbers];
        value(c, i, geometry.grad, field);
        sum = fma(C::D::all(from.volume[i]), convert<typename C::D>(field[of_error ? 3 : 4]), sum);
    }
};

void recovered_field(int width, const RecoveredElements& from, int32_t k, const double* scale, float* out, float* error,
                     Sums sums) {
    const RecoveredField value{{from.mesh, from.phi, from.adot, from.elements}, from.corner, from.rows};
    if (k > 0) by_columns(width, from.mesh, value, from.count, k, scale, out, error);
    with_width(width, [&](auto w) {
        using C = Block<decltype(w)>;
        sum_rows(from.count, w, sums, ErrorSum<C>{from, value, true});
        sum_rows(from.count, w, {sums.out + width, sums.partial}, ErrorSum<C>{from, value, false});
    });
}

// 32 rows of a block vector to or from rows of k poses, threads (32, 8): rows of the block vector are read or written
// whole, through shared memory.
template <class W>
__global__ void __launch_bounds__(256)
    unpack_tile(int64_t n, const double* phi, const int32_t* node, int32_t k, const double* scale, double* out) {
    __shared__ double rows[tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * tile + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile, i = begin + threadIdx.x;
    const int count = static_cast<int>(n - begin < tile ? n - begin : tile);
    for (int v = thread; v < count * W::value; v += 256) rows[v / W::value][v % W::value] = phi[begin * W::value + v];
    __syncthreads();
    if (i >= n) return;
    for (int32_t c = static_cast<int32_t>(threadIdx.y); c < k; c += 8) {
        out[int64_t(c) * n + node[i]] = scale[c] * rows[threadIdx.x][c];
    }
}

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
    static const FieldKernels kernels{assemble,    right_hand_side, electric_field, recover,
                                      interpolate, recovered_field, unpack,         pack};
    return kernels;
}

const char* instruction_set() { return "cuda"; }

}  // namespace headfield
