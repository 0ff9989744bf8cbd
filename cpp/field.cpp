// SPDX-License-Identifier: BSD-3-Clause
// From ∂A/∂t to right-hand sides, and from potentials to the electric field, on CPU cores: the loops of FieldKernels
// (kernels.hpp) over what field_rows.hpp says of a row or an element. Compiled once per instruction set.
#include "tiles.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void right_hand_side(int width, const CsrView<float>& source, const float* adot, double* b) {
    with_width(width, [&](auto w) { for_rows(source.rows, w, RightHandSide<Block<decltype(w)>>{source, adot, b}); });
}

void electric_field(int width, const MeshView& mesh, const double* phi, NodalRates rates, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out, const Poll& poll) {
    with_width(width, [&](auto w) {
        with_means(rates, [&](auto adot) {
            const ElementField<decltype(adot)> value{mesh, phi, adot, elements};
            by_columns(w, mesh, value, n_elements, k, scale, out, poll);
        });
    });
}

void field_at_points(int width, const PointRows& from, int32_t k, const double* scale, float* out, const Poll& poll) {
    with_width(width, [&](auto w) {
        with_rates(from.adot, [&](auto rates) {
            const PointField<decltype(rates)> value{from.gradient, from.share, from.phi, rates};
            by_columns(w, {}, value, from.gradient.rows, k, scale, out, poll);
        });
    });
}

void subtract_product(int width, const CsrView<double>& m, const double* x, double* b) {
    with_width(width, [&](auto w) { for_rows(m.rows, w, SubtractProduct<Block<decltype(w)>>{m, x, b}); });
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

// Rows of the block vector are written whole, one after the other.
void pack(int width, int64_t n, const double* rows, const int32_t* node, int32_t k, const double* scale, double* phi) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        for (int32_t c = 0; c < width; ++c)
            phi[i * width + c] = c < k ? scale[c] * rows[int64_t(c) * n + node[i]] : 0.0;
    }
}

}  // namespace

FieldKernels field_kernels() {
    return {right_hand_side, electric_field, field_at_points, subtract_product, unpack, pack};
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
