// SPDX-License-Identifier: BSD-3-Clause
// Includes the loops of the device that this module is for, and the packs of numbers that they work on, so that what is
// written once can name them.
#pragma once

#include <cstddef>

#if defined(HEADFIELD_CUDA)
#include "../cuda/loops.hpp"
#else
#include "loops.hpp"
#endif

namespace headfield {
inline namespace HEADFIELD_ISA {

// Calls f with the width, one of `widths`, as a compile-time constant: Width<8>{} for 8. Bindings have checked it.
template <std::size_t I = 0, class F>
void with_width(int width, F f) {
    if constexpr (I < sizeof(widths) / sizeof(widths[0])) {
        if (width == widths[I]) return f(Width<widths[I]>{});
        with_width<I + 1>(width, f);
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
