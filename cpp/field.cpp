// SPDX-License-Identifier: BSD-3-Clause
// From ∂A/∂t to right-hand sides, and from potentials to the electric field. Compiled once per instruction set.
#include "element.hpp"
#include "rows.hpp"

namespace headfield {
void assemble(const MeshView& mesh, const PatternView& pattern, const double* sigma, bool tensor, double* stiffness,
              float* source);

inline namespace HEADFIELD_ISA {

namespace {

void right_hand_side(int width, const CsrView<float>& source, const float* adot, double* b) {
    with_width(width, [&](auto w) { for_rows(source.rows, w, RightHandSide<Block<decltype(w)>>{source, adot, b}); });
}

void electric_field(int width, const MeshView& mesh, const double* phi, const float* adot, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out) {
    constexpr int64_t tile = 32;
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        constexpr Block<decltype(w)> block{};
        double padded[W] = {};
        for (int32_t c = 0; c < k; ++c) padded[c] = scale[c];
        const auto factor = Pack<double, W>::load(padded);
#pragma omp parallel for schedule(dynamic, 16)
        for (int64_t t = 0; t < (n_elements + tile - 1) / tile; ++t) {
            const int64_t begin = t * tile, end = begin + tile < n_elements ? begin + tile : n_elements;
            float rows[tile * 3 * W];
            for (int64_t j = begin; j < end; ++j) {
                const int64_t e = elements ? elements[j] : j;
                Pack<double, W> field[3];
                element_field(block, mesh.tets + 4 * e, tet_geometry(mesh, e).grad, phi, adot, field);
                for (int d = 0; d < 3; ++d) store_as(factor * field[d], rows + (3 * (j - begin) + d) * W);
            }
            for (int32_t c = 0; c < k; ++c) {
                float* to = out + (int64_t(c) * n_elements + begin) * 3;
                for (int64_t v = 0; v < 3 * (end - begin); ++v) to[v] = rows[v * W + c];
            }
        }
    });
}

void unpack(int width, int64_t n, const double* phi, const int32_t* node, int32_t k, const double* scale, double* out) {
    // A tile of rows stays in cache while its columns are written one after the other.
    constexpr int64_t tile = 512;
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < (n + tile - 1) / tile; ++t) {
        const int64_t end = (t + 1) * tile < n ? (t + 1) * tile : n;
        for (int32_t c = 0; c < k; ++c) {
            for (int64_t i = t * tile; i < end; ++i) out[int64_t(c) * n + node[i]] = scale[c] * phi[i * width + c];
        }
    }
}

void pack(int width, int64_t n, const double* rows, const int32_t* node, int32_t k, const double* scale, double* phi) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        for (int32_t c = 0; c < width; ++c)
            phi[i * width + c] = c < k ? scale[c] * rows[int64_t(c) * n + node[i]] : 0.0;
    }
}

}  // namespace

FieldKernels field_kernels() { return {assemble, right_hand_side, electric_field, unpack, pack}; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
