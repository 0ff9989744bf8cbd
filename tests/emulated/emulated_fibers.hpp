// SPDX-License-Identifier: BSD-3-Clause
// The threads of one block, run one at a time on the calling thread. Each is a fiber that only gives way at a barrier
// or a warp operation; a thread that ends without waiting leaves its fiber to the next, so nothing is switched at all.
// Since nothing runs at the same time, a race shows only in the order: run_grid can go through blocks and threads
// backwards, and what differs then is a race.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define HEADFIELD_EMULATED_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEADFIELD_EMULATED_ASAN 1
#endif
#endif
#if defined(HEADFIELD_EMULATED_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
inline thread_local uint3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0};
inline thread_local dim3 blockDim{}, gridDim{};
constexpr int warpSize = 32;

#if defined(__x86_64__) && !defined(HEADFIELD_EMULATED_UCONTEXT)
#define HEADFIELD_EMULATED_SWITCH 1
// Saves the registers that a call has to keep on the stack that is left, and restores those of the stack that is
// entered. It is in assembly, so that no compiler sees through it; swapcontext would make a system call each time.
extern "C" void headfield_emulated_switch(void** from, void* to);
asm(R"(
    .ifndef headfield_emulated_switch
    .pushsection .text.headfield_emulated_switch,"axG",@progbits,headfield_emulated_switch,comdat
    .weak headfield_emulated_switch
    .hidden headfield_emulated_switch
    .type headfield_emulated_switch,@function
headfield_emulated_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size headfield_emulated_switch,.-headfield_emulated_switch
    .popsection
    .endif
)");
#endif

namespace emulated {

// Ends the process with a message that names the thread: what it reports is undefined on a GPU.
[[noreturn, gnu::noinline]] inline void give_up(const char* what) {
    std::fprintf(stderr, "emulated CUDA: %s [block (%u, %u, %u), thread (%u, %u, %u)]\n", what, blockIdx.x, blockIdx.y,
                 blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
    std::fflush(stderr);
    std::abort();
}

// Where a stack that is not running will go on.
struct Context {
#if defined(HEADFIELD_EMULATED_SWITCH)
    void* top = nullptr;
#else
    ucontext_t state{};
#endif
    const void* bottom = nullptr;  // these three say to the address sanitizer which stack it is
    size_t size = 0;
    void* fake = nullptr;
};

// Tells the address sanitizer, on a stack that was just switched to, which one was left.
inline void arrived([[maybe_unused]] Context* here, [[maybe_unused]] Context& left) {
#if defined(HEADFIELD_EMULATED_ASAN)
    __sanitizer_finish_switch_fiber(here ? here->fake : nullptr, &left.bottom, &left.size);
#endif
}
// Leaves one stack for another; returns when somebody switches back.
inline void switch_stack(Context& from, Context& to) {
#if defined(HEADFIELD_EMULATED_ASAN)
    __sanitizer_start_switch_fiber(&from.fake, to.bottom, to.size);
#endif
#if defined(HEADFIELD_EMULATED_SWITCH)
    headfield_emulated_switch(&from.top, to.top);
#else
    swapcontext(&from.state, &to.state);
#endif
    arrived(&from, to);  // fibers switch to the host and the host to them, so it is `to` that did
}

// A stack that threads run on, one after the other, with a guard below it.
struct Fiber {
    static constexpr size_t stack_bytes = 256 << 10, guard_bytes = 64 << 10;
    Context context;
    char* memory = nullptr;

    Fiber(void (*entry)(), unsigned index) {
        constexpr size_t all = guard_bytes + stack_bytes;
        void* p = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) give_up("no memory for the stack of a thread");
        memory = static_cast<char*>(p);
        mprotect(memory, guard_bytes, PROT_NONE);  // so that too deep a stack is a fault and not a wrong number
        // Stacks that all began at a multiple of the page size would compete for the same few lines of the cache.
        context.bottom = memory + guard_bytes;
        context.size = stack_bytes - (index % 16) * 256;
#if defined(HEADFIELD_EMULATED_SWITCH)
        void** top = reinterpret_cast<void**>(memory + guard_bytes + context.size) - 8;
        std::memset(top, 0, 8 * sizeof(void*));
        top[6] = reinterpret_cast<void*>(entry);  // six registers, then where to return to
        context.top = top;
#else
        getcontext(&context.state);
        context.state.uc_stack.ss_sp = memory + guard_bytes;
        context.state.uc_stack.ss_size = context.size;
        makecontext(&context.state, entry, 0);
#endif
    }
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber() {
#if defined(HEADFIELD_EMULATED_ASAN)
        __asan_unpoison_memory_region(memory + guard_bytes, stack_bytes);
#endif
        munmap(memory, guard_bytes + stack_bytes);
    }
};

// What lanes of a warp meet for: a shuffle, or __syncwarp.
enum Meeting { shuffling, syncing };

// A thread of the block: what it gave to a meeting and took from it, with whom it meets, and from which lane it takes.
struct Lane {
    Fiber* fiber;
    uint64_t given, taken;
    unsigned mask;
    uint8_t source;
    bool at_barrier;
};
struct Warp {
    unsigned alive, waiting[2];  // bits of lanes; waiting: at each kind of meeting
};

// The block that runs on this thread of the host, and the stacks that its threads may use, kept from block to block.
// The host's own stack is the scheduler: it switches to a lane that may go on, or else starts the next thread. What
// kernels call is not inlined: hundreds of copies of it take a compiler longer than the kernels.
class Block {
public:
    Block() = default;
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() {
        for (Fiber* f : all_) delete f;
    }
    // The block of this thread of the host, to run a grid with.
    static Block& own() {
        static thread_local Block block;
        return block;
    }
    // The block that the caller, a kernel, is a thread of.
    static Block& running() {
        if (!running_) give_up("a barrier or a warp operation outside of a kernel");
        return *running_;
    }

    // Runs kernel() for all threads of all blocks, one block after the other.
    template <class F>
    void run_grid(dim3 grid, dim3 block, bool reversed, F& kernel) {
        if (running_) give_up("a kernel launched from a kernel");
        running_ = this;
        gridDim = grid;
        blockDim = block;
        count_ = block.x * block.y * block.z;
        reversed_ = reversed;
        kernel_ = &kernel;
        call_ = [](void* f) { (*static_cast<F*>(f))(); };
        const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
        for (uint64_t i = 0; i < blocks; ++i) {
            const uint64_t b = reversed ? blocks - 1 - i : i;
            blockIdx = {unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / grid.x / grid.y)};
            run_block();
        }
        running_ = nullptr;
    }

    // __syncthreads: waits until all threads that have not ended have come.
    [[gnu::noinline]] void sync() {
        lanes_[lane_].at_barrier = true;
        if (++at_barrier_ == count_ - exited_) release_barrier();
        wait();
    }

    // Waits for the lanes of the warp that the mask names; returns what lane `source` gave, all bits one where it takes
    // no part.
    [[gnu::noinline]] uint64_t meet(Meeting kind, unsigned mask, uint64_t value, unsigned source) {
        Lane& l = lanes_[lane_];
        Warp& w = warps_[lane_ / 32];
        const unsigned bit = 1u << lane_ % 32;
        if (!(mask & bit)) give_up("the mask of a warp operation lacks the lane that calls it");
        l.given = value;
        l.mask = mask;
        l.source = uint8_t(source);
        w.waiting[kind] |= bit;
        complete(kind, mask);
        wait();
        return l.taken;
    }
    unsigned lane_in_warp() const { return lane_ % 32; }

private:
    static inline thread_local Block* running_ = nullptr;
    unsigned count_ = 0, next_ = 0, exited_ = 0, at_barrier_ = 0, lane_ = 0, head_ = 0, tail_ = 0;
    bool reversed_ = false;
    void* kernel_ = nullptr;
    void (*call_)(void*) = nullptr;
    Lane lanes_[1024] = {};
    Warp warps_[32] = {};
    uint16_t ready_[1024] = {};  // lanes that may go on, a ring from head_ to tail_
    Context host_;
    Fiber* starting_ = nullptr;
    std::vector<Fiber*> all_, idle_;

    // Starts threads and lets them go on until all have ended.
    void run_block() {
        next_ = exited_ = at_barrier_ = 0;
        for (unsigned w = 0; w * 32 < count_; ++w) {
            const unsigned n = count_ - w * 32;
            warps_[w] = {n >= 32 ? ~0u : (1u << n) - 1, {0, 0}};
        }
        while (exited_ < count_) {
            if (head_ != tail_) {
                place(ready_[head_++ % 1024]);
                switch_stack(host_, lanes_[lane_].fiber->context);
            } else if (next_ < count_) {
                if (idle_.empty()) {
                    all_.push_back(new Fiber(&Block::fiber_entry, unsigned(all_.size())));
                    idle_.push_back(all_.back());
                }
                starting_ = idle_.back();
                idle_.pop_back();
                switch_stack(host_, starting_->context);
            } else {
                deadlock();
            }
        }
    }
    // What a fiber does for ever: runs threads until one has waited for others, then is idle.
    static void fiber_entry() {
        Block& block = *running_;
        Fiber& self = *block.starting_;
        arrived(nullptr, block.host_);
        for (;;) {
            block.start_threads(self);
            block.idle_.push_back(&self);
            switch_stack(self.context, block.host_);
        }
    }
    // Starts one thread after the other on this fiber, as long as no lane waits to go on.
    void start_threads(Fiber& self) {
        while (next_ < count_ && head_ == tail_) {
            place(reversed_ ? count_ - 1 - next_ : next_);
            ++next_;
            lanes_[lane_].fiber = &self;
            lanes_[lane_].at_barrier = false;
            call_(kernel_);
            exit_lane();
        }
    }
    // Makes `lane` the current thread, with its threadIdx.
    void place(unsigned lane) {
        lane_ = lane;
        if (blockDim.x == count_) {
            threadIdx = {lane, 0, 0};
        } else {
            threadIdx = {lane % blockDim.x, lane / blockDim.x % blockDim.y, lane / blockDim.x / blockDim.y};
        }
    }
    void wait() { switch_stack(lanes_[lane_].fiber->context, host_); }
    void make_ready(unsigned lane) { ready_[tail_++ % 1024] = uint16_t(lane); }

    // Ends the current thread. A thread that has ended counts as come to every barrier and meeting, as on a GPU.
    void exit_lane() {
        ++exited_;
        Warp& w = warps_[lane_ / 32];
        w.alive &= ~(1u << lane_ % 32);
        if (at_barrier_ > 0 && at_barrier_ == count_ - exited_) release_barrier();
        for (const Meeting kind : {shuffling, syncing}) {  // this lane may be the only one that others still waited for
            for (unsigned left = w.waiting[kind]; left; left &= left - 1) {
                const unsigned l = unsigned(__builtin_ctz(left));
                if (w.waiting[kind] >> l & 1) complete(kind, lanes_[lane_ / 32 * 32 + l].mask);
            }
        }
    }
    void release_barrier() {
        at_barrier_ = 0;
        for (unsigned i = 0; i < count_; ++i) {
            const unsigned l = reversed_ ? count_ - 1 - i : i;
            if (lanes_[l].at_barrier) make_ready(l);
            lanes_[l].at_barrier = false;
        }
    }
    // Exchanges the values of the lanes that the mask names, in the warp of the current lane, and lets them go on; does
    // nothing as long as one of them has not come.
    void complete(Meeting kind, unsigned mask) {
        Warp& w = warps_[lane_ / 32];
        Lane* lanes = lanes_ + lane_ / 32 * 32;
        const unsigned group = mask & w.alive;
        if (group & ~w.waiting[kind]) return;
        w.waiting[kind] &= ~group;
        for (unsigned i = 0; i < 32; ++i) {
            const unsigned l = reversed_ ? 31 - i : i;
            if (!(group >> l & 1)) continue;
            if (lanes[l].mask != mask) give_up("lanes of a warp meet with different masks");
            lanes[l].taken = group >> lanes[l].source & 1 ? lanes[lanes[l].source].given : ~uint64_t(0);
            make_ready(lane_ / 32 * 32 + l);
        }
    }
    // Reports that no thread can go on, which on a GPU would be a kernel that never ends.
    [[noreturn]] void deadlock() const {
        int meeting = 0;
        for (const Warp& w : warps_) {
            meeting += __builtin_popcount(w.waiting[0] & w.alive) + __builtin_popcount(w.waiting[1] & w.alive);
        }
        char what[160];
        std::snprintf(what, sizeof what,
                      "deadlock: of %u threads, %u ended, %u wait at __syncthreads, %d in their warp", count_, exited_,
                      at_barrier_, meeting);
        give_up(what);
    }
};

}  // namespace emulated
