// SPDX-License-Identifier: BSD-3-Clause
// Builds the hierarchy of the matrix in FOLDER/{ptr,col,val} with node 0 held at zero, and leaves the sparsity of all its
// matrices there as NAME.ptr and NAME.col, for count_rows.py: headfield itself hands out their sizes only.
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../cpp/amg.hpp"

namespace {

using headfield::Csr;

template <class T>
std::vector<T> read(const std::string& path) {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::vector<T> all(static_cast<size_t>(in.tellg()) / sizeof(T));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(all.size() * sizeof(T)));
    return all;
}

void write(const std::string& path, const int32_t* data, int64_t size) {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(sizeof(int32_t)) * size);
    if (!out) throw std::runtime_error("cannot write " + path);
}

void write(const std::string& name, const Csr<float>& m) {
    if (m.rows == 0) return;
    write(name + ".ptr", m.ptr.data(), int64_t(m.rows) + 1);
    write(name + ".col", m.col.data(), m.nnz());
}

}  // namespace

int main(int count, char** words) {
    if (count != 3) {
        std::fputs("usage: sparsity FOLDER STRENGTH\n", stderr);
        return 2;
    }
    try {
        const std::string folder = std::string(words[1]) + "/";
        const auto ptr = read<int32_t>(folder + "ptr"), col = read<int32_t>(folder + "col");
        const auto val = read<double>(folder + "val");
        const auto n = static_cast<int32_t>(ptr.size() - 1);
        std::vector<uint8_t> fixed(n, 0);
        fixed.at(0) = 1;
        const auto h = headfield::build_hierarchy({n, n, ptr.data(), col.data(), val.data()}, fixed.data(),
                                                  std::stod(words[2]), nullptr, headfield::never);
        for (size_t l = 0; l < h.levels.size(); ++l) {
            const auto& level = h.levels[l];
            const std::string number = std::to_string(l);
            write(folder + "a" + number, level.a);
            write(folder + "p" + number, level.p);
            write(folder + "pt" + number, level.pt);
            write(folder + "ap" + number, level.ap);
        }
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
    return 0;
}
