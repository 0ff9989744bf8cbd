// SPDX-License-Identifier: BSD-3-Clause
// Sums over the sources of a coil of several vector fields that are tabulated around a head, on the host, in both
// modules: what the error of a frame of a real-time basis is estimated by. Compiled once per instruction set.
//
// For each source 64 lattice points are read, 288 bytes each, and 4,608 multiply-adds made.
#pragma once

#include <cstdint>
#include <vector>

namespace headfield {

constexpr int table_channels = 24;  // fields in a table

// All lengths are in one unit. values (shape, 3, table_channels) at lattice points `step` apart, the first at
// `origin`; good (shape − 1): in which cells all that cubic interpolation takes is known.
struct TableView {
    double origin[3], step;
    int64_t shape[3];
    const float* values;
    const uint8_t* good;
};

// q sources at points (q, 3) with vectors (q, 3), in the frame of a coil.
struct TableSources {
    int64_t q;
    const double *points, *vectors;
};

// sums (k, table_channels): Σ_q (R v_q) · F(R x_q + t) for poses (k, 4, 4), by cubic Lagrange polynomials in the first
// table that is good there; not a number where none is. A pose gets the same bits beside any others, for any number of
// threads.
using TableSums = void (*)(const std::vector<TableView>& tables, const TableSources& sources, int64_t k,
                           const double* poses, double* sums);

TableSums table_sums();

}  // namespace headfield
