// SPDX-License-Identifier: BSD-3-Clause
// From a mesh to matrices on a GPU: a thread owns a row of the stiffness matrix and of the source operator. It is
// set-up, and runs once a head; cpp/assemble.cpp is the same for CPU cores.
#include "../cpp/element.hpp"
#include "../cpp/kernels.hpp"
#include "launch.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// Finds the place of column j in a sorted row that holds it, by bisection: a table of places, as CPU threads have it,
// would take n numbers a thread.
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

// Sums row i of both operators in thread i, in the order of the tetrahedra, so that no two threads add to one number
// and no atomics are needed. source64 (nnz, 3) is work space for sums in float64, which are rounded to `source` at the
// end.
__global__ void __launch_bounds__(128)
    assemble_row(MeshView mesh, PatternView p, Media media, double* stiffness, double* source64, float* source) {
    const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= mesh.n_nodes) return;
    const int64_t begin = p.ptr[i], end = p.ptr[i + 1];
    for (int64_t k = begin; k < end; ++k) stiffness[k] = 0.0;
    for (int64_t v = 3 * begin; v < 3 * end; ++v) source64[v] = 0.0;
    const FindColumn at{p.col + begin, static_cast<int32_t>(end - begin)};
    for (int64_t k = p.start[i]; k < p.start[i + 1]; ++k) {
        const int64_t t = p.around[k];
        const Conductivity s{media.sigma + t * (media.tensor ? 9 : 1), media.tensor};
        add_tet(mesh, s, media.edges, static_cast<int32_t>(i), t, at, stiffness + begin, source64 + 3 * begin);
    }
    for (int64_t v = 3 * begin; v < 3 * end; ++v) source[v] = static_cast<float>(source64[v]);
}

}  // namespace

}  // namespace HEADFIELD_ISA

void assemble(const MeshView& mesh, const PatternView& p, const Media& media, double* stiffness, float* source,
              const Poll& /*poll*/) {
    int32_t nnz = 0;
    copy_to_host(&nnz, p.ptr + mesh.n_nodes, sizeof nnz);
    const DeviceBuffer<double> source64(3 * size_t(nnz));
    launch(assemble_row, blocks_for(mesh.n_nodes, 128), dim3(128), mesh, p, media, stiffness, source64.data(), source);
}

}  // namespace headfield
