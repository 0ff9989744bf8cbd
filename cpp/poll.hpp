// SPDX-License-Identifier: BSD-3-Clause
// How whoever waits for long work can end it.
#pragma once

#include <cstdint>
#include <functional>

namespace headfield {

// Long work calls it between its steps, in the thread that asked for the work. It throws where that is to end; what the work
// was to leave is then of no use, and what it works with can be used again.
using Poll = std::function<void()>;

inline void never() {}

// poll(), for files that are compiled once per instruction set: no code of std::function may come from them.
void ask(const Poll& poll);

// Calls body(begin, end) for 0…n − 1, `piece` at a time, and asks before each.
template <class Body>
void in_pieces(int64_t n, int64_t piece, const Poll& poll, Body body) {
    for (int64_t begin = 0; begin < n; begin += piece) {
        ask(poll);
        body(begin, piece < n - begin ? begin + piece : n);
    }
}

}  // namespace headfield
