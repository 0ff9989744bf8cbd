// SPDX-License-Identifier: BSD-3-Clause
// From meshes to matrices, from ∂A/∂t to right-hand sides, and from potentials to the electric field, on a GPU.
#include "../cpp/element.hpp"
#include "../cpp/kernels.hpp"
#include "../cpp/rows.hpp"
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

// E of 32 elements, threads (lanes, rows): geometry once an element, then all columns of an element by neighbouring
// threads, and through shared memory to out (k, n_elements, 3), of which a warp writes 384 consecutive bytes a column.
template <class W>
__global__ void __launch_bounds__(256)
    element_tile(MeshView mesh, const double* phi, const float* adot, int64_t n_elements, const int32_t* elements,
                 int32_t k, const double* scale, float* out) {
    __shared__ double grad[tile][4][3];
    __shared__ float rows[3 * tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * W::lanes + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile;
    const int count = static_cast<int>(n_elements - begin < tile ? n_elements - begin : tile);
    if (thread < count) {
        const TetGeometry g = tet_geometry(mesh, elements ? elements[begin + thread] : begin + thread);
        for (int v = 0; v < 12; ++v) grad[thread][v / 3][v % 3] = g.grad[v / 3][v % 3];
    }
    __syncthreads();
    const Block<W> c{static_cast<int>(threadIdx.x) * W::columns};
    for (int j = static_cast<int>(threadIdx.y); j < count; j += W::rows) {
        const int64_t e = elements ? elements[begin + j] : begin + j;
        typename Block<W>::F field[3];
        element_field(c, mesh.tets + 4 * e, grad[j], phi, adot, field);
        for (int d = 0; d < 3; ++d) {
            for (int l = 0; l < W::columns; ++l) {
                const int column = c.first + l;
                if (column < k) rows[3 * j + d][column] = static_cast<float>(scale[column] * field[d].v[l]);
            }
        }
    }
    __syncthreads();
    for (int v = thread; v < 3 * count * k; v += 256) {
        const int column = v / (3 * count), row = v % (3 * count);
        out[(int64_t(column) * n_elements + begin) * 3 + row] = rows[row][column];
    }
}

void electric_field(int width, const MeshView& mesh, const double* phi, const float* adot, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out) {
    with_width(width, [&](auto w) {
        using W = decltype(w);
        launch(element_tile<W>, blocks_for(n_elements, tile), dim3(W::lanes, W::rows), mesh, phi, adot, n_elements,
               elements, k, scale, out);
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
    static const FieldKernels kernels{assemble, right_hand_side, electric_field, unpack, pack};
    return kernels;
}

const char* instruction_set() { return "cuda"; }

}  // namespace headfield
