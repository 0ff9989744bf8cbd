// SPDX-License-Identifier: BSD-3-Clause
// The loop of mode_sums.hpp: a tile of four sets and half a block of columns stays in registers while the modes run by.
#include "mode_sums.hpp"

#include <algorithm>
#include <vector>

#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

constexpr int lanes = register_bytes / static_cast<int>(sizeof(float));
constexpr int tile_sets = 4;
constexpr int tile_lines = mode_block / 2 / lanes;
constexpr int64_t few = 1 << 18;  // multiplications that one thread does sooner than others wake

using Line = Register<float, lanes>::type;
using Short = Register<int16_t, lanes>::type;

inline Line line_of(const int16_t* from) {
    Short values;
    std::memcpy(&values, from, sizeof values);  // of no alignment
    return __builtin_convertvector(values, Line);
}

inline Line line_of(const float* from) {
    Line line;
    std::memcpy(&line, from, sizeof line);
    return line;
}

inline Line all(float x) { return Line{} + x; }

// S sets and tile_lines lines of a block; own (modes, S) are the weights of the sets times the scales of the block.
template <int S, class T>
void tile(int64_t modes, const T* values, const float* own, float* out) {
    Line sum[S][tile_lines];
    for (auto& row : sum) {
        for (Line& line : row) line = all(0.f);
    }
    for (int64_t i = 0; i < modes; ++i) {
        Line line[tile_lines];
        for (int l = 0; l < tile_lines; ++l) line[l] = line_of(values + i * mode_block + l * lanes);
        for (int s = 0; s < S; ++s) {
            const Line weight = all(own[i * S + s]);
            for (int l = 0; l < tile_lines; ++l) sum[s][l] = multiply_add(weight, line[l], sum[s][l]);
        }
    }
    std::memcpy(out, sum, sizeof sum);
}

// S sets from a set on, in block b, whose values (modes, mode_block) are given.
template <int S, class T>
void block(const ModeView& m, int64_t b, const T* values, const float* weights, float* own, float* out) {
    const float* scales = m.scales + b * m.modes;
    for (int64_t i = 0; i < m.modes; ++i) {
        for (int s = 0; s < S; ++s) own[i * S + s] = weights[s * m.modes + i] * scales[i];
    }
    constexpr int wide = tile_lines * lanes;
    for (int64_t begin = 0; begin < mode_block; begin += wide) {
        const int64_t first = b * mode_block + begin;
        const int64_t count = std::min<int64_t>(wide, m.columns - first);
        if (count <= 0) return;
        float sum[S * wide];
        tile<S>(m.modes, values + begin, own, sum);
        for (int s = 0; s < S; ++s) std::copy_n(sum + s * wide, count, out + s * m.columns + first);
    }
}

// All sets, in one block.
template <class T>
void block_of_sets(const ModeView& m, int64_t b, const T* values, int64_t sets, const float* weights, float* own,
                   float* out) {
    for (int64_t s = 0; s < sets; s += tile_sets) {
        const float* from = weights + s * m.modes;
        float* to = out + s * m.columns;
        switch (std::min<int64_t>(tile_sets, sets - s)) {
            case 4: block<4>(m, b, values, from, own, to); break;
            case 3: block<3>(m, b, values, from, own, to); break;
            case 2: block<2>(m, b, values, from, own, to); break;
            default: block<1>(m, b, values, from, own, to);
        }
    }
}

}  // namespace

void mode_sums_loop(const ModeView& m, int64_t sets, const float* weights, float* out) {
#pragma omp parallel if (m.modes * m.columns * sets > few)
    {
        std::vector<float> own(static_cast<size_t>(m.modes * tile_sets));
        // Where several tiles of sets use them, the numbers of a block are converted once: it takes the units that add.
        const bool often = sets > tile_sets;
        std::vector<float> converted(static_cast<size_t>(often ? m.modes * mode_block : 0));
#pragma omp for schedule(static)
        for (int64_t b = 0; b < m.blocks; ++b) {
            const int16_t* values = m.values + b * m.modes * mode_block;
            if (often) {
                std::copy_n(values, m.modes * mode_block, converted.data());
                block_of_sets(m, b, converted.data(), sets, weights, own.data(), out);
            } else {
                block_of_sets(m, b, values, sets, weights, own.data(), out);
            }
        }
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
