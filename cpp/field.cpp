// SPDX-License-Identifier: BSD-3-Clause
// From ∂A/∂t to right-hand sides, and from potentials to the electric field. Compiled once per instruction set.
#include "element.hpp"
#include "kernels.hpp"
#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void right_hand_side(int width, const CsrView<float>& source, const float* adot, double* b) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using D = Pack<double, W>;
#pragma omp parallel for schedule(static, 512)
        for (int32_t i = 0; i < source.rows; ++i) {
            D sum = D::all(0.0);
            for (int32_t k = source.ptr[i]; k < source.ptr[i + 1]; ++k) {
                for (int d = 0; d < 3; ++d) {
                    const D a = load_as<double, W>(adot + (3 * int64_t(source.col[k]) + d) * W);
                    sum = fma(D::all(-double(source.val[3 * int64_t(k) + d])), a, sum);
                }
            }
            sum.store(b + int64_t(i) * W);
        }
    });
}

// E of one element for W columns into out (3, W).
template <int W>
inline void element_field(const MeshView& mesh, int64_t e, const double* phi, const float* adot, const double* scale,
                          float* out) {
    using D = Pack<double, W>;
    const int32_t* node = mesh.tets + 4 * e;
    const TetGeometry g = tet_geometry(mesh.nodes + 3 * int64_t(node[0]), mesh.nodes + 3 * int64_t(node[1]),
                                       mesh.nodes + 3 * int64_t(node[2]), mesh.nodes + 3 * int64_t(node[3]));
    for (int d = 0; d < 3; ++d) {
        D field = D::all(0.0);
        for (int k = 0; k < 4; ++k) {
            field = fma(D::all(-g.grad[k][d]), D::load(phi + int64_t(node[k]) * W), field);
            const D a = load_as<double, W>(adot + (3 * int64_t(node[k]) + d) * W);
            field = fma(D::all(-0.25), a, field);
        }
        store_as<float>(D::load(scale) * field, out + d * W);
    }
}

void electric_field(int width, const MeshView& mesh, const double* phi, const float* adot, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out) {
    constexpr int64_t tile = 32;
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
#pragma omp parallel for schedule(dynamic, 16)
        for (int64_t t = 0; t < (n_elements + tile - 1) / tile; ++t) {
            const int64_t begin = t * tile, end = begin + tile < n_elements ? begin + tile : n_elements;
            float block[tile * 3 * W];
            for (int64_t e = begin; e < end; ++e) {
                element_field<W>(mesh, elements ? elements[e] : e, phi, adot, scale, block + (e - begin) * 3 * W);
            }
            for (int32_t c = 0; c < k; ++c) {
                float* to = out + (int64_t(c) * n_elements + begin) * 3;
                for (int64_t v = 0; v < 3 * (end - begin); ++v) to[v] = block[v * W + c];
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

FieldKernels field_kernels() { return {right_hand_side, electric_field, unpack, pack}; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
