// SPDX-License-Identifier: BSD-3-Clause
// The table of transposes, which transposes.cpp and cuda/transposes.cu both include, over the loops of the device:
//   from_columns(w, mesh, value, weights, rows)  columns of weights to rows of a block vector, see tiles.hpp
//   for_rows(n, w, body)                         body(c, i) for every row i and all its columns
//   for_few_columns(n, w, body)                  the same for bodies of several sums a column, few columns at a time
// with body a struct of transpose_rows.hpp for Block<W> or FewColumns<W>.
#pragma once

#include "transpose_rows.hpp"

#if defined(HEADFIELD_CUDA)
#include "../cuda/tiles.hpp"
#else
#include "tiles.hpp"
#endif

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void element_loads(int width, const MeshView& mesh, const int32_t* elements, const Weights& weights,
                   const TransposedView& corners, float* loads, double* b) {
    with_width(width, [&](auto w) {
        from_columns(w, mesh, ElementLoads{elements}, weights, loads);
        for_rows(corners.columns, w, GatherLoads<Block<decltype(w)>>{corners, loads, b});
    });
}

void spread(int width, const Weights& weights, const TransposedView& corners, const float* share, float* values,
            float* out) {
    with_width(width, [&](auto w) {
        from_columns(w, {}, AsTheyAre{}, weights, values);
        for_few_columns(corners.columns, w, Spread<FewColumns<decltype(w)>>{corners, share, values, out});
    });
}

void edge_shares(int width, const MeshView& mesh, const int32_t* elements, const Weights& weights,
                 const TransposedView& corners, float* values, float* out) {
    with_width(width, [&](auto w) {
        from_columns(w, {}, AsTheyAre{}, weights, values);
        using Row = EdgeShares<FewColumns<decltype(w)>>;
        for_few_columns(corners.columns, w, Row{mesh, elements, corners, values, out});
    });
}

void nodal_flux(int width, const TransposedView& columns, const float* source, const double* phi, float* flux) {
    with_width(width, [&](auto w) {
        for_few_columns(columns.columns, w, NodalFlux<FewColumns<decltype(w)>>{columns, source, phi, flux});
    });
}

void recovered_loads(int width, const int32_t* ptr, const float* weight, const TransposedView& columns,
                     const TransposedView& nodes, const float* rows, double* b) {
    with_width(width, [&](auto w) {
        using Row = RecoveredLoads<Block<decltype(w)>>;
        for_rows(nodes.columns, w, Row{ptr, weight, columns, nodes, rows, b});
    });
}

void recovered_rates(int width, const TransposedView& nodes, const float* rate, const float* rows, float* out) {
    with_width(width, [&](auto w) {
        for_few_columns(nodes.columns, w, RecoveredRates<FewColumns<decltype(w)>>{nodes, rate, rows, out});
    });
}

const TransposeKernels transposes = {element_loads, spread, edge_shares, nodal_flux, recovered_loads, recovered_rates};

}  // namespace

}  // namespace HEADFIELD_ISA
}  // namespace headfield
