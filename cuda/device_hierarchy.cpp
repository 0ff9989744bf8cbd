// SPDX-License-Identifier: BSD-3-Clause
// Takes a hierarchy to the device: pads rows, and rounds the matrices of the V-cycle to 16 bits with a scale for each
// row, which costs no iteration and halves the bytes. The matrices of the iteration itself stay float32 and float64.
#include "../cpp/device_hierarchy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace headfield {

namespace {

// Copies data to the device, one after the other, and keeps their memory in a list.
class Uploads {
public:
    explicit Uploads(std::vector<DeviceMemory>& memory) : memory_(memory) {}
    template <class T>
    const T* add(const T* host, size_t size) {
        if (size == 0) return nullptr;
        memory_.push_back(allocate(size * sizeof(T)));
        copy_to_device(memory_.back().data, host, size * sizeof(T));
        wait();
        return static_cast<const T*>(memory_.back().data);
    }
    template <class V>
    auto add(const V& host) {
        return add(host.data(), host.size());
    }

private:
    std::vector<DeviceMemory>& memory_;
};

// Rows of a matrix padded to multiples of row_step entries, so that a thread may load that many at a time.
template <class T>
struct Padded {
    explicit Padded(const Csr<T>& a) : m(a), ptr(static_cast<size_t>(a.rows) + 1, 0) {
        int64_t total = 0;
        for (int32_t i = 0; i < a.rows; ++i) {
            total += (a.ptr[i + 1] - a.ptr[i] + row_step - 1) / row_step * row_step;
            if (total > std::numeric_limits<int32_t>::max()) {
                throw std::length_error("the matrix has more than 2^31 nonzeros");
            }
            ptr[i + 1] = static_cast<int32_t>(total);
        }
    }

    // Returns entry(i, k) for every nonzero k of row i, and padding(i) for what follows them.
    template <class V, class Entry, class Padding>
    std::vector<V> fill(Entry entry, Padding padding) const {
        std::vector<V> out(ptr.back());
#pragma omp parallel for schedule(static)
        for (int32_t i = 0; i < m.rows; ++i) {
            int32_t to = ptr[i];
            for (int32_t k = m.ptr[i]; k < m.ptr[i + 1]; ++k) out[to++] = entry(i, k);
            for (; to < ptr[i + 1]; ++to) out[to] = padding(i);
        }
        return out;
    }

    // Columns; padding repeats the last one of its row, so that it gathers nothing new.
    template <class Index>
    std::vector<Index> columns() const {
        return fill<Index>([&](int32_t, int32_t k) { return static_cast<Index>(m.col[k]); },
                           [&](int32_t i) { return static_cast<Index>(m.col[m.ptr[i + 1] - 1]); });
    }

    // Values of the nonzeros `from`, converted to V; padding is zero.
    template <class V, class From>
    std::vector<V> values(const From* from) const {
        return fill<V>([&](int32_t, int32_t k) { return static_cast<V>(from[k]); }, [](int32_t) { return V(0); });
    }

    // The largest magnitude of each row, which scales its 16-bit values to at most 1; 1 for a row of zeros.
    std::vector<float> scales() const {
        std::vector<float> scale(m.rows, 0.f);
        for (int32_t i = 0; i < m.rows; ++i) {
            for (int32_t k = m.ptr[i]; k < m.ptr[i + 1]; ++k) scale[i] = std::max(scale[i], std::abs(m.val[k]));
            if (scale[i] == 0.f) scale[i] = 1.f;
        }
        return scale;
    }

    // Values over the scale of their row, in 16 bits.
    std::vector<__half> halves(const std::vector<float>& scale) const {
        return fill<__half>([&](int32_t i, int32_t k) { return __float2half_rn(m.val[k] / scale[i]); },
                            [](int32_t) { return __float2half_rn(0.f); });
    }

    const Csr<T>& m;
    std::vector<int32_t> ptr;
};

// Decides how many threads share a row: several where rows are so long that one thread would gather for long, and so
// few that all threads of a GPU have work only if they share. More would wait for each other at the ends of rows. The
// width of the block has no say in it, or the bits of a column would depend on the batch.
int32_t sharers_for(int64_t rows, int64_t nonzeros) {
    if (rows < (1 << 14) && nonzeros >= 64 * rows) return 8;
    return rows < (1 << 17) && nonzeros >= 32 * rows ? 4 : 1;
}

// A matrix of the V-cycle.
Matrix to_device(const Csr<float>& a, Uploads& uploads) {
    const Padded<float> padded(a);
    const auto scale = padded.scales();
    Matrix m{a.rows, a.cols, uploads.add(padded.ptr), nullptr, nullptr, nullptr, uploads.add(scale), 1};
    m.sharers = sharers_for(a.rows, a.nnz());
    m.val = uploads.add(padded.halves(scale));
    if (a.cols <= 1 << 16) {
        m.short_col = uploads.add(padded.columns<uint16_t>());
    } else {
        m.col = uploads.add(padded.columns<int32_t>());
    }
    return m;
}

// The inverse of the coarsest matrix, its rows padded with zeros.
DenseView to_device(int32_t rows, const Buffer<float>& inverse, Uploads& uploads) {
    if (inverse.size() == 0) return {};
    const int32_t padded = (rows + row_step - 1) / row_step * row_step;
    std::vector<float> values(size_t(rows) * padded, 0.f);
    for (int32_t i = 0; i < rows; ++i) {
        std::copy_n(inverse.data() + size_t(i) * rows, rows, values.data() + size_t(i) * padded);
    }
    return {rows, padded, uploads.add(values), sharers_for(rows, int64_t(rows) * rows)};
}

}  // namespace

// The float32 and the float64 fine matrix share one pattern, with that of the V-cycle unless its columns are 16 bits.
DeviceHierarchy::DeviceHierarchy(Hierarchy&& host) {
    measure(host);
    Uploads uploads(memory_);
    for (const Level& l : host.levels) {
        LevelView v{to_device(l.a, uploads), {}, {}, {}, l.smoother};
        if (l.p.rows) {
            v.p = to_device(l.p, uploads);
            v.ap = to_device(l.ap, uploads);
            v.pt = to_device(l.pt, uploads);
        }
        levels.push_back(v);
    }
    const Csr<float>& a = host.levels.front().a;
    const Padded<float> padded(a);
    const int32_t* ptr = levels.front().a.ptr;
    const int32_t* col = levels.front().a.col ? levels.front().a.col : uploads.add(padded.columns<int32_t>());
    fine32 = {a.rows, a.cols, ptr, col, uploads.add(padded.values<float>(a.val.data()))};
    fine64 = {a.rows, a.cols, ptr, col, uploads.add(padded.values<double>(host.values64.data()))};
    coarse_inverse = to_device(levels.back().a.rows, host.coarse_inverse, uploads);
    scale = uploads.add(host.scale);
    unscale = uploads.add(host.unscale);
    weight = uploads.add(host.weight);
}

std::vector<double> DeviceHierarchy::scale_on_host() const {
    std::vector<double> host(size());
    copy_to_host(host.data(), scale, host.size() * sizeof(double));
    return host;
}

}  // namespace headfield
