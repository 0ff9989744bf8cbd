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

// Some neighbouring columns of a block vector of W: what fits a register of float64, so that nothing is spilled.
template <class W>
struct FewColumns {
    static constexpr int most = register_bytes > 32 ? 8 : 4;
    static constexpr int count = most < W::value ? most : W::value;
    using F = Pack<float, count>;
    using D = Pack<double, count>;
    int first;
    int64_t at(int64_t i) const { return i * W::value + first; }
};

constexpr int64_t field_tile = 32;  // elements whose E stays in cache while it is turned from rows to columns

// −scale (∇φ + mean Ȧ) of the elements of a tile, all columns, into rows (3 count, W).
template <class W>
void field_of_tile(W /*width*/, const MeshView& mesh, const double* phi, const float* adot, int64_t begin,
                   int64_t count, const int32_t* elements, const float* scale, float* rows) {
    using C = FewColumns<W>;
    for (int64_t j = 0; j < count; ++j) {
        const int64_t e = elements ? elements[begin + j] : begin + j;
        const TetGeometry geometry = tet_geometry(mesh, e);
        for (C c{0}; c.first < W::value; c.first += C::count) {
            typename C::F field[3];
            element_field(c, mesh.tets + 4 * e, geometry.grad, phi, adot, field);
            const auto factor = C::F::load(scale + c.first);
            for (int d = 0; d < 3; ++d) store_as(factor * field[d], rows + c.at(3 * j + d));
        }
    }
}

// to[c * stride + v] = rows[v * W + c] for c < k and v < count.
template <class W>
void turn_tile(W /*width*/, const float* rows, int64_t count, int32_t k, int64_t stride, float* to) {
    constexpr int block = W::value < 4 ? 1 : 4;
    int32_t c = 0;
    for (; block == 4 && c + 4 <= k; c += 4) {
        int64_t v = 0;
        for (; v + 4 <= count; v += 4) transpose4(rows + v * W::value + c, W::value, to + c * stride + v, stride);
        for (; v < count; ++v) {
            for (int32_t i = c; i < c + 4; ++i) to[i * stride + v] = rows[v * W::value + i];
        }
    }
    for (; c < k; ++c) {
        for (int64_t v = 0; v < count; ++v) to[c * stride + v] = rows[v * W::value + c];
    }
}

void electric_field(int width, const MeshView& mesh, const double* phi, const float* adot, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        float padded[W] = {};
        for (int32_t c = 0; c < k; ++c) padded[c] = static_cast<float>(scale[c]);
#pragma omp parallel for schedule(dynamic, 16)
        for (int64_t t = 0; t < (n_elements + field_tile - 1) / field_tile; ++t) {
            const int64_t begin = t * field_tile, left = n_elements - begin;
            const int64_t count = left < field_tile ? left : field_tile;
            float rows[3 * field_tile * W];
            field_of_tile(w, mesh, phi, adot, begin, count, elements, padded, rows);
            turn_tile(w, rows, 3 * count, k, 3 * n_elements, out + 3 * begin);
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
