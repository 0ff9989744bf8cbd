// SPDX-License-Identifier: BSD-3-Clause
// Runs what nvcc made of the kernels in place of what the host's compiler did (see tests/ptx), where
// HEADFIELD_EMULATED_PTX names a folder. The library kernels.so there has the translated kernels, and kernels.txt says
// which function of this module is which of them, an offset and a name a line. The names of kernels that ran are added
// to ran.txt there.
#pragma once

#include <dlfcn.h>

#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "../ptx/entry.hpp"
#include "emulated_fibers.hpp"

namespace emulated {

// The arguments of a launch as a kernel reads them: one after the other, each at a multiple of its alignment.
struct Arguments {
    std::vector<unsigned char> bytes;
    std::vector<ptx::Parameter> layout;

    Arguments() = default;
    Arguments(const Arguments&) = default;
    Arguments(Arguments&&) = default;
    // Out of line, as whatever is called where every kernel is launched.
    [[gnu::noinline]] ~Arguments() {}
    [[gnu::noinline]] void add(const void* value, size_t size, size_t alignment) {
        const size_t at = (bytes.size() + alignment - 1) / alignment * alignment;
        bytes.resize(at + size);
        std::memcpy(bytes.data() + at, value, size);
        layout.push_back({uint32_t(at), uint32_t(size)});
    }
    const void* at(size_t number) const { return bytes.data() + layout[number].offset; }
};

// Ends the process where a launch does not fit the kernel that nvcc made: other parameters, or more threads or shared
// memory than it was compiled for.
inline void check_launch(const ptx::Entry& entry, const Arguments& arguments, dim3 block, size_t dynamic) {
    bool same = arguments.layout.size() == entry.count;
    for (unsigned i = 0; same && i < entry.count; ++i) {
        const ptx::Parameter a = arguments.layout[i], b = entry.parameters[i];
        same = a.offset == b.offset && a.bytes == b.bytes;
    }
    if (!same) give_up("parameters lie elsewhere than the kernel's PTX reads them");
    const unsigned threads = block.x * block.y * block.z;
    if (entry.most_threads && threads > entry.most_threads) give_up("a block is larger than the kernel's bounds");
    if (entry.exact_threads && threads != entry.exact_threads) give_up("a block is of another size than required");
    if (entry.shared_bytes > 48 << 10) give_up("more static shared memory than 48 KiB");
    if (entry.shared_bytes + dynamic > 227 << 10) give_up("more shared memory than a block may have");
}

// Runs all threads of a launch. All bits of shared memory are one when a block begins, so that a read of what nobody
// wrote is not a number.
inline void run_ptx(const ptx::Entry& entry, const Arguments& arguments, dim3 grid, dim3 block, size_t dynamic,
                    bool reversed) {
    check_launch(entry, arguments, block, dynamic);
    static thread_local struct alignas(128) {
        unsigned char bytes[228 << 10];
    } shared;
    ptx::Context c{};
    c.parameters = arguments.bytes.data();
    c.threads = {block.x, block.y, block.z};
    c.blocks = {grid.x, grid.y, grid.z};
    c.shared = shared.bytes;
    c.static_bytes = (entry.shared_bytes + 15) / 16 * 16;
    c.shared_bytes = dynamic ? c.static_bytes + uint32_t(dynamic) : entry.shared_bytes;
    c.kernel = entry.name;
    c.barrier = [] { Block::running().sync(); };
    c.meet = [](bool kind, unsigned mask, uint64_t value, unsigned source) {
        return Block::running().meet(kind ? shuffling : syncing, mask, value, source);
    };
    uint64_t begun = ~uint64_t(0);
    auto run = [&] {
        const uint64_t number = blockIdx.x + grid.x * (blockIdx.y + uint64_t(grid.y) * blockIdx.z);
        if (number != begun) std::memset(shared.bytes, 0xFF, c.shared_bytes);
        begun = number;
        ptx::Context mine = c;
        mine.thread = {threadIdx.x, threadIdx.y, threadIdx.z};
        mine.block = {blockIdx.x, blockIdx.y, blockIdx.z};
        entry.run(mine);
    };
    Block::own().run_grid(grid, block, reversed, run);
}

// The kernels of the library by where they lie in this module.
class PtxKernels {
public:
    static PtxKernels& all() {
        static PtxKernels kernels;
        return kernels;
    }
    // Returns the translated kernel, or null where no library is asked for; a kernel that the library lacks ends the
    // process. Notes the first run of each.
    const ptx::Entry* of(const void* kernel) {
        if (folder_.empty()) return nullptr;
        Dl_info info;
        if (!dladdr(kernel, &info)) give_up("a kernel lies in no module");
        const uintptr_t at = reinterpret_cast<uintptr_t>(kernel) - reinterpret_cast<uintptr_t>(info.dli_fbase);
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = by_offset_.find(at);
        if (found == by_offset_.end()) give_up(("no PTX of the kernel " + names_[at]).c_str());
        if (!ran_[found->second]++) std::ofstream(folder_ + "/ran.txt", std::ios::app) << found->second->name << "\n";
        return found->second;
    }

private:
    std::string folder_;
    std::unordered_map<uintptr_t, const ptx::Entry*> by_offset_;
    std::unordered_map<uintptr_t, std::string> names_;
    std::unordered_map<const ptx::Entry*, uint64_t> ran_;
    std::mutex mutex_;

    PtxKernels() {
        const char* folder = std::getenv("HEADFIELD_EMULATED_PTX");
        if (!folder || !*folder) return;
        folder_ = folder;
        void* library = dlopen((folder_ + "/kernels.so").c_str(), RTLD_NOW);
        if (!library) give_up(dlerror());
        using Tables = const ptx::Entry* (*)(unsigned, unsigned*);
        const auto tables = reinterpret_cast<Tables>(dlsym(library, "ptx_entries"));
        if (!tables) give_up("the library has no table of kernels");
        std::map<std::string, const ptx::Entry*> by_name;
        unsigned count = 0, table = 0;
        while (const ptx::Entry* first = tables(table++, &count)) {
            for (unsigned i = 0; i < count; ++i) by_name[first[i].name] = first + i;
        }
        std::ifstream list(folder_ + "/kernels.txt");
        std::string line;
        while (std::getline(list, line)) {
            const size_t space = line.find(' ');
            const uintptr_t at = std::stoull(line.substr(0, space), nullptr, 16);
            names_[at] = line.substr(space + 1);
            const auto found = by_name.find(names_[at]);
            if (found != by_name.end()) by_offset_[at] = found->second;
        }
    }
};

}  // namespace emulated
