// SPDX-License-Identifier: BSD-3-Clause
// From ∂A/∂t to right-hand sides, and from potentials to the electric field. Compiled once per instruction set.
#include "element.hpp"
#include "field_rows.hpp"

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
    static constexpr int width = W::value;
    int first;
    int64_t at(int64_t i) const { return i * W::value + first; }
};

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

constexpr int64_t field_tile = 32;  // elements whose values stay in cache while they are turned from rows to columns

// out[c, i, :] = scale_c times the N numbers a column that `value` finds, (k, count, N).
template <class W, class Value>
void by_columns(W width, const MeshView& mesh, const Value& value, int64_t count, int32_t k, const double* scale,
                float* out) {
    using C = FewColumns<W>;
    constexpr int N = Value::numbers;
    float factor[W::value] = {};
    for (int32_t c = 0; c < k; ++c) factor[c] = static_cast<float>(scale[c]);
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t t = 0; t < (count + field_tile - 1) / field_tile; ++t) {
        const int64_t begin = t * field_tile, end = begin + field_tile < count ? begin + field_tile : count;
        float rows[N * field_tile * W::value];
        for (int64_t i = begin; i < end; ++i) {
            TetGradients geometry;
            if constexpr (Value::geometric) geometry = tet_gradients(mesh, value.element(i));
            for (C c{0}; c.first < W::value; c.first += C::count) {
                typename C::F numbers[N];
                value(c, i, geometry.grad, numbers);
                const auto f = C::F::load(factor + c.first);
                for (int d = 0; d < N; ++d) store_as(f * numbers[d], rows + c.at(N * (i - begin) + d));
            }
        }
        turn_tile(width, rows, N * (end - begin), k, N * count, out + N * begin);
    }
}

// Adds weight times some columns to sums of them.
template <class D, class F>
void add(const D& weight, const F& value, double* sum) {
    fma(weight, convert<D>(value), D::load(sum)).store(sum);
}

void electric_field(int width, const MeshView& mesh, const double* phi, const float* adot, int64_t n_elements,
                    const int32_t* elements, int32_t k, const double* scale, float* out) {
    with_width(width, [&](auto w) {
        by_columns(w, mesh, ElementField{mesh, phi, adot, elements}, n_elements, k, scale, out);
    });
}

void recover(int width, const CsrView<float>& weight, const int32_t* node, const float* rate, const double* phi,
             const float* adot, float* rows) {
    with_width(width, [&](auto w) {
        using C = FewColumns<decltype(w)>;
        const Recover<C> row{weight, node, rate, adot, phi, rows};
        for_chunks(weight.rows, w, [&](int64_t, int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                for (C c{0}; c.first < decltype(w)::value; c.first += C::count) row(c, r);
            }
        });
    });
}

void interpolate(int width, int64_t points, const int32_t* corner, const float* weight, const float* rows, int32_t k,
                 const double* scale, float* out) {
    with_width(width, [&](auto w) { by_columns(w, {}, Interpolated{corner, weight, rows}, points, k, scale, out); });
}

// Elements in tiles as in by_columns, and sums over them in chunks as in sum_rows.
void recovered_field(int width, const RecoveredElements& from, int32_t k, const double* scale, float* out, float* error,
                     Sums sums) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using C = FewColumns<decltype(w)>;
        const RecoveredField value{{from.mesh, from.phi, from.adot, from.elements}, from.corner, from.rows};
        float factor[W] = {};
        for (int32_t c = 0; c < k; ++c) factor[c] = static_cast<float>(scale[c]);
        for_chunks(from.count, w, [&](int64_t chunk, int64_t begin, int64_t end) {
            double sum[2 * W] = {};
            for (int64_t tile = begin; tile < end; tile += field_tile) {
                const int64_t count = tile + field_tile < end ? field_tile : end - tile;
                float fields[3 * field_tile * W], errors[field_tile * W];
                for (int64_t i = 0; i < count; ++i) {
                    const TetGradients geometry = tet_gradients(from.mesh, value.element(tile + i));
                    const auto volume = C::D::all(from.volume[tile + i]);
                    for (C c{0}; c.first < W; c.first += C::count) {
                        typename C::F field[RecoveredField::numbers];
                        value(c, tile + i, geometry.grad, field);
                        const auto f = C::F::load(factor + c.first);
                        for (int d = 0; d < 3; ++d) store_as(f * field[d], fields + c.at(3 * i + d));
                        store_as(field[3], errors + c.at(i));
                        add(volume, field[3], sum + c.first);
                        add(volume, field[4], sum + W + c.first);
                    }
                }
                for (int64_t i = 0; i < count; ++i) {
                    for (int c = 0; c < W; ++c) {
                        float& e = errors[W * i + c];
                        e = __builtin_fabsf(factor[c]) * __builtin_sqrtf(e);
                    }
                }
                turn_tile(w, fields, 3 * count, k, 3 * from.count, out + 3 * tile);
                turn_tile(w, errors, count, k, from.count, error + tile);
            }
            for (int v = 0; v < 2 * W; ++v) sums.partial[2 * W * chunk + v] = sum[v];
        });
        for (int v = 0; v < 2 * W; ++v) sums.out[v] = 0.0;
        for (int64_t chunk = 0; chunk < chunks_of(from.count); ++chunk) {
            for (int v = 0; v < 2 * W; ++v) sums.out[v] += sums.partial[2 * W * chunk + v];
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

FieldKernels field_kernels() {
    return {assemble, right_hand_side, electric_field, recover, interpolate, recovered_field, unpack, pack};
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
