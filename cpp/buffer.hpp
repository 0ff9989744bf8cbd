// SPDX-License-Identifier: BSD-3-Clause
// Memory of matrices and block vectors on the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace headfield {

// `size` numbers, all zero, aligned to a cache line. A large buffer asks for huge pages (2 MiB): rows of a block vector
// are gathered from all over it, and with small pages their look-ups would cost as much as the data.
template <class T>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t size) : size_(size) {
        if (size == 0) return;
        const std::size_t bytes = size * sizeof(T), align = alignment(size);
        const std::size_t rounded = (bytes + align - 1) / align * align;
        data_ = static_cast<T*>(::operator new(rounded, std::align_val_t(align)));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (align == huge) madvise(data_, rounded, MADV_HUGEPAGE);
#endif
        // Setting to zero touches every page for the first time, which costs more than the zeros: all threads share it.
        constexpr std::size_t piece = std::size_t(1) << 22;
        const auto n_pieces = static_cast<int64_t>((bytes + piece - 1) / piece);
#pragma omp parallel for schedule(static) if (n_pieces > 1)
        for (int64_t i = 0; i < n_pieces; ++i) {
            const std::size_t begin = i * piece;
            std::memset(reinterpret_cast<char*>(data_) + begin, 0, bytes - begin < piece ? bytes - begin : piece);
        }
    }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() {
        if (data_) ::operator delete(data_, std::align_val_t(alignment(size_)));
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }

private:
    static constexpr std::size_t huge = std::size_t(1) << 21;
    static std::size_t alignment(std::size_t size) { return size * sizeof(T) >= 2 * huge ? huge : 64; }

    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace headfield
