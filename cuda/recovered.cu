// SPDX-License-Identifier: BSD-3-Clause
// From potentials to recovered E on a GPU: the loops of RecoveryKernels (cpp/kernels.hpp), which cpp/recovered.cpp has
// for CPU cores.
#include "../cpp/kernels.hpp"
#include "tiles.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void recover(int width, const CsrView<float>& weight, const int32_t* node, const float* rate, const double* phi,
             const float* adot, float* rows) {
    with_width(width, [&](auto w) {
        with_rates(adot, [&](auto rates) {
            using Row = Recover<Block<decltype(w)>, decltype(rates)>;
            for_rows(weight.rows, w, Row{weight, node, rate, rates, phi, rows});
        });
    });
}

void interpolate(int width, int64_t points, const int32_t* corner, const float* weight, const float* rows, int32_t k,
                 const double* scale, float* out, const Poll& /*poll*/) {
    by_columns(width, {}, Interpolated{corner, weight, rows}, points, k, scale, out);
}

// Adds, for sum_rows, volume × the mean over element i of |E* − E|², or of |E*|². The two are summed in two passes,
// each of which computes the element anew, since a body of sum_rows has one sum a column.
template <class C, class Rates>
struct ErrorSum {
    RecoveredElements from;
    RecoveredField<Rates> value;
    bool of_error;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        const auto geometry = vectors_of(value, from.mesh, i);
        typename C::F field[RecoveredField<Rates>::numbers];
        value(c, i, geometry.row, field);
        sum = fma(C::D::all(from.volume[i]), convert<typename C::D>(field[of_error ? 3 : 4]), sum);
    }
};

void recovered_field(int width, const RecoveredElements& from, int32_t k, const double* scale, float* out, float* error,
                     Sums sums, const Poll& /*poll*/) {
    with_means(from.rates, [&](auto adot) {
        const RecoveredField<decltype(adot)> value{{from.mesh, from.phi, adot, from.elements}, from.corner, from.rows};
        if (k > 0) by_columns(width, from.mesh, value, from.count, k, scale, out, error);
        with_width(width, [&](auto w) {
            using Row = ErrorSum<Block<decltype(w)>, decltype(adot)>;
            sum_rows(from.count, w, sums, Row{from, value, true});
            sum_rows(from.count, w, {sums.out + width, sums.partial}, Row{from, value, false});
        });
    });
}

}  // namespace

}  // namespace HEADFIELD_ISA

const RecoveryKernels& device_recovery() {
    static const RecoveryKernels kernels{recover, interpolate, recovered_field};
    return kernels;
}

}  // namespace headfield
