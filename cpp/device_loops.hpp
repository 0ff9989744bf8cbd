// SPDX-License-Identifier: BSD-3-Clause
// The loops of the device this module is for, and the packs of numbers that they work on.
#pragma once

#include <cstddef>

#if defined(HEADFIELD_CUDA)
#include "../cuda/loops.hpp"
#else
#include "loops.hpp"
#endif

namespace headfield {
inline namespace HEADFIELD_ISA {

// Calls f with the width, one of `widths`, as a compile-time constant.
template <std::size_t I = 0, class F>
void with_width(int width, F f) {
    if constexpr (I < sizeof(widths) / sizeof(widths[0])) {
        if (width == widths[I]) return f(Width<widths[I]>{});
        with_width<I + 1>(width, f);
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
