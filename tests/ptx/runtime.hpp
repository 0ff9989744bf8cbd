// SPDX-License-Identifier: BSD-3-Clause
// What translated PTX consists of: registers as bits, checked addresses, and functions for the instructions that C++
// has no operator for. Each function follows the PTX manual where C++ would be undefined or differ, and translated code
// calls it by the names that tests/ptx/forms.py and instructions.py give. Included by every part of the translated
// kernels.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "entry.hpp"

namespace ptx {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using s8 = int8_t;
using s16 = int16_t;
using s32 = int32_t;
using s64 = int64_t;
using f16 = _Float16;
using f32 = float;
using f64 = double;

template <class T>
using Unsigned =
    std::conditional_t<sizeof(T) == 8, u64,
                       std::conditional_t<sizeof(T) == 4, u32, std::conditional_t<sizeof(T) == 2, u16, u8>>>;

// ---- registers ----

// Returns the bits of a register as a number of type T; an integer may be narrower than its register.
template <class T, class R>
inline T as(R r) {
    if constexpr (sizeof(T) == sizeof(R)) {
        T t;
        std::memcpy(&t, &r, sizeof t);
        return t;
    } else {
        static_assert(sizeof(T) < sizeof(R), "a register is narrower than the type that is read from it");
        return as<T>(static_cast<Unsigned<T>>(as<Unsigned<R>>(r)));
    }
}
// Puts a number into a register; an integer is extended, by its sign where it has one.
template <class R, class T>
inline void put(R& r, T t) {
    if constexpr (sizeof(T) == sizeof(R)) {
        std::memcpy(&r, &t, sizeof r);
    } else {
        static_assert(sizeof(T) < sizeof(R), "a register is narrower than the type that is written to it");
        if constexpr (std::is_same<T, f16>::value) {
            put(r, as<u16>(t));
        } else {
            static_assert(std::is_integral<T>::value, "only integers are extended");
            r = as<R>(static_cast<Unsigned<R>>(t));
        }
    }
}

// ---- memory ----

// Ends the process with a message that names the access, the kernel and the thread.
[[noreturn]] inline void fail(const Context& c, const char* what, u64 address, u64 bytes) {
    std::fprintf(stderr, "PTX: %s at %llx, %llu bytes, in %s [block (%u, %u, %u), thread (%u, %u, %u)]\n", what,
                 static_cast<unsigned long long>(address), static_cast<unsigned long long>(bytes), c.kernel, c.block.x,
                 c.block.y, c.block.z, c.thread.x, c.thread.y, c.thread.z);
    std::fflush(stderr);
    std::abort();
}
// Returns where an access of so many bytes goes in global memory, in shared memory, or among the `size` bytes of
// parameters, and fails where a GPU would report a misaligned or illegal address. Where pieces of global memory begin
// and end is not known here.
inline unsigned char* at_global(const Context& c, u64 address, u64 bytes) {
    if (address % bytes) fail(c, "misaligned access", address, bytes);
    if (address < 4096) fail(c, "access near the null pointer", address, bytes);
    return reinterpret_cast<unsigned char*>(address);
}
inline unsigned char* at_shared(const Context& c, u64 address, u64 bytes) {
    if (address % bytes) fail(c, "misaligned access to shared memory", address, bytes);
    if (address + bytes > c.shared_bytes) fail(c, "access outside of shared memory", address, bytes);
    return c.shared + address;
}
inline unsigned char* at_parameter(const Context& c, u64 address, u64 bytes, u64 size) {
    const u64 first = reinterpret_cast<u64>(c.parameters);
    if (address % bytes) fail(c, "misaligned access to parameters", address - first, bytes);
    if (address < first || address + bytes > first + size)
        fail(c, "access outside of parameters", address - first, bytes);
    return reinterpret_cast<unsigned char*>(address);
}
template <class T>
inline T load(const unsigned char* p) {
    T t;
    std::memcpy(&t, p, sizeof t);
    return t;
}
template <class T>
inline void store(unsigned char* p, T t) {
    std::memcpy(p, &t, sizeof t);
}
// Does an atomic operation: stores what of_old makes of the number that is there, and returns the latter. One thread
// runs at a time, so nothing has to be guarded.
template <class T, class F>
inline T exchange(unsigned char* p, F of_old) {
    const T old = load<T>(p);
    store<T>(p, static_cast<T>(of_old(old)));
    return old;
}

// ---- integers ----

// The upper half of a product.
template <class T>
inline T multiply_high(T a, T b) {
    using Wide = std::conditional_t<std::is_signed<T>::value, __int128, unsigned __int128>;
    return static_cast<T>((Wide(a) * Wide(b)) >> (8 * sizeof(T)));
}
// Quotient and remainder as the hardware has them: by zero these are all bits one and the number itself, and the least
// number divided by -1 doesn't trap.
template <class T>
inline T divide(T a, T b) {
    if (b == 0) return T(~T(0));
    if (std::is_signed<T>::value && b == T(-1)) return T(0 - Unsigned<T>(a));
    return T(a / b);
}
template <class T>
inline T remainder_of(T a, T b) {
    if (b == 0) return a;
    return std::is_signed<T>::value && b == T(-1) ? T(0) : T(a % b);
}
// Shifts by the width or more give zeros, or the sign where there is one; in C++ they are undefined.
template <class T>
inline T shift_left(T a, u32 by) {
    return by >= 8 * sizeof(T) ? T(0) : T(a << by);
}
template <class T>
inline T shift_right(T a, u32 by) {
    const u32 most = 8 * sizeof(T) - 1;
    if (by > most) return std::is_signed<T>::value ? T(a >> most) : T(0);
    return T(a >> by);
}
// clz; bfind, which for a negative number looks for the highest bit that differs from the sign; bfind.shiftamt; brev.
template <class T>
inline u32 leading_zeros(T a) {
    return a == 0 ? 8 * sizeof(T) : u32(__builtin_clzll(u64(a))) - (64 - 8 * sizeof(T));
}
template <class T>
inline u32 highest_bit(T a) {
    const Unsigned<T> bits = a < 0 ? Unsigned<T>(~a) : Unsigned<T>(a);
    return bits == 0 ? ~0u : 8 * sizeof(T) - 1 - leading_zeros(bits);
}
template <class T>
inline u32 shift_to_highest(T a) {
    const u32 bit = highest_bit(a);
    return bit == ~0u ? bit : 8 * sizeof(T) - 1 - bit;
}
template <class T>
inline T reversed(T a) {
    T r = 0;
    for (u32 i = 0; i < 8 * sizeof(T); ++i) r |= T(a >> i & 1) << (8 * sizeof(T) - 1 - i);
    return r;
}
// bfe: `length` bits from `first` on, extended by the highest of them where T has a sign.
template <class T>
inline T extract_field(T a, u32 first, u32 length) {
    const u32 most = 8 * sizeof(T) - 1;
    first &= 255;
    length &= 255;
    const u32 last = first + length - 1 < most ? first + length - 1 : most;
    const bool sign = std::is_signed<T>::value && length != 0 && (Unsigned<T>(a) >> last & 1);
    Unsigned<T> d = sign ? ~Unsigned<T>(0) : 0;
    for (u32 i = 0; i <= most && i < length; ++i) {
        const bool bit = first + i <= most ? Unsigned<T>(a) >> (first + i) & 1 : sign;
        d = (d & ~(Unsigned<T>(1) << i)) | Unsigned<T>(bit) << i;
    }
    return T(d);
}
// bfi: the lowest `length` bits of `field` at `first` in `into`.
template <class T>
inline T insert_field(T field, T into, u32 first, u32 length) {
    first &= 255;
    length &= 255;
    for (u32 i = 0; i < length && first + i < 8 * sizeof(T); ++i) {
        into = (into & ~(T(1) << (first + i))) | (field >> i & 1) << (first + i);
    }
    return into;
}
// prmt: each four bits of the selector pick one of the eight bytes of b and a, or spread its sign.
inline u32 permute(u32 a, u32 b, u32 selector) {
    const u64 all = u64(b) << 32 | a;
    u32 d = 0;
    for (u32 i = 0; i < 4; ++i) {
        const u32 pick = selector >> (4 * i) & 15;
        const u32 byte = u32(all >> (8 * (pick & 7))) & 255;
        d |= (pick & 8 ? (byte & 128 ? 255u : 0u) : byte) << (8 * i);
    }
    return d;
}
// lop3: each bit is looked up in a table of eight by the bits of a, b and c.
inline u32 logic_3(u32 a, u32 b, u32 c, u32 table) {
    u32 d = 0;
    for (u32 i = 0; i < 8; ++i) {
        if (table >> i & 1) d |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    }
    return d;
}
// shf: the upper or lower half of a shifted pair; `by` is at most 32, wrapped or clamped before.
inline u32 funnel_left(u32 low, u32 high, u32 by) { return u32((u64(high) << 32 | low) << by >> 32); }
inline u32 funnel_right(u32 low, u32 high, u32 by) { return u32((u64(high) << 32 | low) >> by); }

// ---- floating point ----

// A subnormal number becomes a zero of its sign (.ftz).
template <class T>
inline T flushed(T a) {
    return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(T(0), a) : a;
}
// min and max: where one of two is NaN, the other; -0 lies below +0.
template <class T>
inline T minimum(T a, T b) {
    if (!(a == a)) return b;
    if (!(b == b)) return a;
    if (a == b) return std::signbit(f32(a)) ? a : b;
    return a < b ? a : b;
}
template <class T>
inline T maximum(T a, T b) {
    if (!(a == a)) return b;
    if (!(b == b)) return a;
    if (a == b) return std::signbit(f32(a)) ? b : a;
    return a > b ? a : b;
}
// min.NaN and max.NaN: where one is NaN, NaN.
template <class T>
inline T minimum_or_nan(T a, T b) {
    return a == a && b == b ? minimum(a, b) : T(NAN);
}
template <class T>
inline T maximum_or_nan(T a, T b) {
    return a == a && b == b ? maximum(a, b) : T(NAN);
}
// Clamps to 0 to 1, NaN to 0 (.sat).
template <class T>
inline T saturated(T a) {
    return a == a ? maximum(T(0), minimum(a, T(1))) : T(0);
}
// Converts a float that is whole already to an integer. What lies outside becomes the nearest that there is; NaN
// becomes zero, or the lowest bits zero and the highest one where the integer has 64 bits.
template <class I, class F>
inline I whole(F a) {
    constexpr u32 bits = 8 * sizeof(I);
    constexpr bool is_signed = std::is_signed<I>::value;
    constexpr I most = is_signed ? I((Unsigned<I>(1) << (bits - 1)) - 1) : I(~I(0));
    constexpr I least = is_signed ? I(Unsigned<I>(1) << (bits - 1)) : I(0);
    if (!(a == a)) return bits == 64 ? I(u64(1) << 63) : I(0);
    if (a >= std::ldexp(F(1), is_signed ? bits - 1 : bits)) return most;
    if (a < F(least)) return least;
    return static_cast<I>(a);
}
// Half precision by way of a type in which the result is exact enough to be rounded once; then two halves in a
// register.
inline f16 add_half(f16 a, f16 b) { return f16(f32(a) + f32(b)); }
inline f16 sub_half(f16 a, f16 b) { return f16(f32(a) - f32(b)); }
inline f16 mul_half(f16 a, f16 b) { return f16(f32(a) * f32(b)); }
inline f16 fma_half(f16 a, f16 b, f16 c) { return f16(f64(a) * f64(b) + f64(c)); }
inline u32 pair(f16 low, f16 high) { return u32(as<u16>(high)) << 16 | as<u16>(low); }
template <class F, class... Pairs>
inline u32 pairwise(F function, Pairs... x) {
    return pair(function(as<f16>(u16(x))...), function(as<f16>(u16(x >> 16))...));
}

// ---- warps ----

inline unsigned thread_in_block(const Context& c) {
    return c.thread.x + c.threads.x * (c.thread.y + c.threads.y * c.thread.z);
}
inline u32 lane(const Context& c) { return thread_in_block(c) % 32; }

enum class Reach { up, down, bfly, idx };
// shfl.sync as the manual has it. The lowest bits of `bounds` hold the last lane of a segment, and those from bit 8 on
// which bits of a lane name its segment. A lane that would reach out of its segment keeps its own number.
inline u32 shuffle(const Context& c, Reach reach, u32 value, u32 by, u32 bounds, u32 mask, bool& inside) {
    const s32 own = s32(lane(c)), b = s32(by & 31), clamp = s32(bounds & 31), segment = s32(bounds >> 8 & 31);
    const s32 first = own & segment, last = first | (clamp & ~segment);
    s32 source = 0;
    switch (reach) {
        case Reach::up: source = own - b, inside = source >= last; break;
        case Reach::down: source = own + b, inside = source <= last; break;
        case Reach::bfly: source = own ^ b, inside = source <= last; break;
        case Reach::idx: source = first | (b & ~segment), inside = source <= last; break;
    }
    return u32(c.meet(true, mask, value, u32(inside ? source : own)));
}
// Calls seen(lane, value) with what every lane of the mask gives, one after the other, each in a meeting of its own.
template <class F>
inline void gather(const Context& c, u32 mask, u32 value, F seen) {
    for (u32 l = 0; l < 32; ++l) {
        if (mask >> l & 1) seen(l, u32(c.meet(true, mask, value, l)));
    }
}
// vote.ballot and redux, by way of gather.
inline u32 ballot(const Context& c, u32 mask, bool vote) {
    u32 votes = 0;
    gather(c, mask, vote, [&](u32 l, u32 v) { votes |= (v == 1u ? 1u : 0u) << l; });
    return votes;
}
template <class T, class F>
inline T reduce(const Context& c, u32 mask, T value, F combine) {
    bool any = false;
    T all = 0;
    gather(c, mask, as<u32>(value), [&](u32, u32 v) {
        all = any ? T(combine(all, as<T>(v))) : as<T>(v);
        any = true;
    });
    return all;
}

}  // namespace ptx
