// SPDX-License-Identifier: BSD-3-Clause
// From potentials to recovered E on CPU cores: the loops of RecoveryKernels (kernels.hpp). Compiled once per
// instruction set.
#include "tiles.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// Adds weight × value to the sums of some columns, in float64.
template <class D, class F>
void add(const D& weight, const F& value, double* sum) {
    fma(weight, convert<D>(value), D::load(sum)).store(sum);
}

void recover(int width, const CsrView<float>& weight, const int32_t* node, const float* rate, const double* phi,
             const float* adot, float* rows) {
    with_width(width, [&](auto w) {
        with_rates(adot, [&](auto rates) {
            using Row = Recover<FewColumns<decltype(w)>, decltype(rates)>;
            for_few_columns(weight.rows, w, Row{weight, node, rate, rates, phi, rows});
        });
    });
}

void interpolate(int width, int64_t points, const int32_t* corner, const float* weight, const float* rows, int32_t k,
                 const double* scale, float* out, const Poll& poll) {
    with_width(width,
               [&](auto w) { by_columns(w, {}, Interpolated{corner, weight, rows}, points, k, scale, out, poll); });
}

// Goes over elements in tiles, as by_columns does, and leaves their sums in chunks, as sum_rows does: partial
// (chunks, 2, W). A tile holds the three numbers of E* and that of the error apart, since they go to different arrays.
template <class W, class Rates>
void recovered_chunks(W w, const RecoveredField<Rates>& value, const RecoveredElements& from, int32_t k,
                      const float* factor, float* out, float* error, double* partial, const Poll& poll) {
    using C = FewColumns<W>;
    const auto of_chunk = [&](int64_t chunk, int64_t begin, int64_t end) {
        double sum[2 * W::value] = {};
        for (int64_t tile = begin; tile < end; tile += field_tile) {
            const int64_t count = tile + field_tile < end ? field_tile : end - tile;
            float fields[3 * field_tile * W::value], errors[field_tile * W::value];
            for (int64_t i = 0; i < count; ++i) {
                const auto geometry = vectors_of(value, from.mesh, tile + i);
                const auto volume = C::D::all(from.volume[tile + i]);
                for (C c{0}; c.first < W::value; c.first += C::count) {
                    typename C::F field[RecoveredField<Rates>::numbers];
                    value(c, tile + i, geometry.row, field);
                    const auto f = C::F::load(factor + c.first);
                    for (int d = 0; d < 3; ++d) store_as(f * field[d], fields + c.at(3 * i + d));
                    store_as(field[3], errors + c.at(i));
                    add(volume, field[3], sum + c.first);
                    add(volume, field[4], sum + W::value + c.first);
                }
            }
            for (int64_t i = 0; i < count; ++i) {  // a loop by itself, so that the compiler takes roots on vectors
                for (int c = 0; c < W::value; ++c) {
                    float& e = errors[W::value * i + c];
                    e = __builtin_fabsf(factor[c]) * __builtin_sqrtf(e);
                }
            }
            turn_tile(w, fields, 3 * count, k, 3 * from.count, out + 3 * tile);
            turn_tile(w, errors, count, k, from.count, error + tile);
        }
        for (int v = 0; v < 2 * W::value; ++v) partial[2 * W::value * chunk + v] = sum[v];
    };
    static_assert(field_piece<W> % reduction_chunk == 0, "a chunk must not lie in two pieces");
    in_pieces(from.count, field_piece<W>, poll, [&](int64_t first, int64_t last) {
        for_chunks(last - first, w, [&](int64_t chunk, int64_t begin, int64_t end) {
            of_chunk(first / reduction_chunk + chunk, first + begin, first + end);
        });
    });
}

void recovered_field(int width, const RecoveredElements& from, int32_t k, const double* scale, float* out, float* error,
                     Sums sums, const Poll& poll) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        float factor[W] = {};
        for (int32_t c = 0; c < k; ++c) factor[c] = static_cast<float>(scale[c]);
        with_means(from.rates, [&](auto adot) {
            const RecoveredField<decltype(adot)> value{
                {from.mesh, from.phi, adot, from.elements}, from.corner, from.rows};
            recovered_chunks(w, value, from, k, factor, out, error, sums.partial, poll);
        });
        for (int v = 0; v < 2 * W; ++v) sums.out[v] = 0.0;
        for (int64_t chunk = 0; chunk < chunks_of(from.count); ++chunk) {
            for (int v = 0; v < 2 * W; ++v) sums.out[v] += sums.partial[2 * W * chunk + v];
        }
    });
}

}  // namespace

RecoveryKernels recovery_kernels() { return {recover, interpolate, recovered_field}; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
