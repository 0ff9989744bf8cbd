// SPDX-License-Identifier: BSD-3-Clause
// Loops over the rows of a block vector on a GPU: the counterpart of cpp/loops.hpp. A block of threads works on 128
// neighbouring rows, which are neighbours in space (Morton order) and so share in its first-level cache what they
// gather. Every number of a result has one thread that makes it, and every sum one order, so bits do not depend on the
// scheduler.
#pragma once

#include "products.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

constexpr int threads = 256;           // of a block
constexpr int contiguous = 128;        // rows that a block takes before it goes on elsewhere
constexpr int reduction_chunk = 128;   // rows that are summed first, see chunk_sums
constexpr int slots = 32;              // sums that a chunk is taken in, each of every 32nd row, whatever the width
constexpr int64_t most_blocks = 2048;  // of a grid: more than run at a time; each prepares once for all its rows

// How many rows a block works on at a time.
template <class C>
constexpr int rows_at_once = threads / (C::lanes * C::sharers);

// How many chunks a block sums at a time: as many as make 256 threads, or one.
template <class C>
constexpr int chunks_at_once = C::lanes < 8 ? 8 / C::lanes : 1;

// How many blocks a multiprocessor has to hold, the second number of __launch_bounds__, decides how many registers a
// thread gets, and so whether all its gathers are on their way at a time: left alone, ptxas takes few and waits for one
// after the other. benchmarks/kernel_resources.py says what it made of them.
template <class C>
constexpr int blocks_of_rows = C::count > 8   ? 2
                               : C::count > 4 ? 3
                                              : 4;

// Calls body(c, i) for every row. Threads (lanes · sharers, rows): threadIdx.x says which columns of a row a thread has
// and which share of its entries, threadIdx.y which row of those that a block works on at a time. A block takes `run`
// rows, then the next run that no other block has. Where threads share rows, all of a warp go through the same number
// of rows, since they exchange sums by shuffles: beyond the last row they repeat it and write nothing.
template <class C, class Body>
__global__ void __launch_bounds__(threads, blocks_of_rows<C>) every_row(int64_t n, int64_t run, Body body) {
    C c = C::of_thread(threadIdx.x % C::lanes, threadIdx.x / C::lanes);
    prepare(body, c);
    for (int64_t begin = blockIdx.x * run; begin < n; begin += gridDim.x * run) {
        const int64_t end = begin + run < n ? begin + run : n;
        for (int64_t row = begin; row < end; row += rows_at_once<C>) {
            const int64_t i = row + threadIdx.y;
            if constexpr (C::sharers > 1) {
                c.writes = c.sharer == 0 && i < end;
                body(c, i < end ? i : end - 1);
            } else {
                if (i < end) body(c, i);
            }
        }
    }
}

// Threads of a block of chunk_sums, and how many blocks have to fit, as above.
template <class C>
constexpr int summing_threads = C::lanes * slots * chunks_at_once<C>;
template <class C>
constexpr int blocks_of_chunks = (C::count > 4 ? 3 : 2) * threads / summing_threads<C>;

// Calls body(c, i, sum) for every row, and leaves the sums of each chunk in partial (chunks, width). Threads
// (lanes, slots, chunks): slot s of a chunk sums rows s, s + 32, …, then slots are added in pairs in shared memory
// (chunks, slots, width): an order that no width changes. Threads of a chunk beyond the last one have no rows, but come
// to the barriers.
template <class C, class Body>
__global__ void __launch_bounds__(summing_threads<C>, blocks_of_chunks<C>)
    chunk_sums(int64_t n, int64_t chunks, Body body, double* partial) {
    using D = typename C::D;
    // Stored and loaded in words of 16 bytes (Together).
    alignas(16) __shared__ double shared[chunks_at_once<C> * slots * C::width];
    const C c = C::of_thread(threadIdx.x, 0);
    const int slot = static_cast<int>(threadIdx.y);
    double* mine = shared + c.at(threadIdx.z * slots + slot);
    prepare(body, c);
    for (int64_t first = int64_t(blockIdx.x) * chunks_at_once<C>; first < chunks;
         first += int64_t(gridDim.x) * chunks_at_once<C>) {
        const int64_t chunk = first + threadIdx.z, begin = chunk * reduction_chunk;
        const int64_t end = begin + reduction_chunk < n ? begin + reduction_chunk : n;
        D sum = D::all(0.0);
        for (int64_t i = begin + slot; i < end; i += slots) body(c, i, sum);
        for (int half = slots / 2; half > 0; half /= 2) {
            sum.store(mine);
            __syncthreads();  // the other half is stored
            if (slot < half) sum = sum + D::load(mine + half * C::width);
            __syncthreads();  // and read, before the next round stores over it
        }
        if (slot == 0 && begin < n) sum.store(partial + c.at(chunk));
    }
}

// out_c = Σ of partial (chunks, width) over the chunks. A block owns a column: thread t sums chunks t, t + 1024, …,
// then threads are added in pairs in shared memory, with barriers as in chunk_sums.
template <int Threads>
__global__ void __launch_bounds__(Threads) column_sum(int64_t chunks, const double* partial, double* out) {
    __shared__ double shared[Threads];
    const unsigned column = blockIdx.x, width = gridDim.x, t = threadIdx.x;
    double sum = 0.0;
    for (int64_t k = t; k < chunks; k += Threads) sum += partial[k * width + column];
    for (unsigned half = Threads / 2; half > 0; half /= 2) {
        shared[t] = sum;
        __syncthreads();
        if (t < half) sum += shared[t + half];
        __syncthreads();
    }
    if (t == 0) out[column] = sum;
}

// How many blocks take all the work, `at_once` of it each at a time; at most most_blocks, which then go on to more of
// it.
inline int64_t few_blocks(int64_t work, int64_t at_once) {
    const int64_t blocks = blocks_for(work, at_once);
    return blocks < most_blocks ? blocks : most_blocks;
}

// Launches body over all rows. What `c` is follows from the body's type.
template <class W, template <class...> class Body, class C, class... More>
void for_rows(int64_t n, W /*width*/, const Body<C, More...>& body) {
    constexpr int64_t rows = rows_at_once<C>;
    // Where there are few rows, that every multiprocessor gets some matters more than that a block has neighbours.
    const int64_t run = rows < contiguous && n >= contiguous * most_blocks / 4 ? contiguous : rows;
    launch(every_row<C, Body<C, More...>>, few_blocks(n, run), dim3(C::lanes * C::sharers, rows), n, run, body);
}

// The same for a body that multiplies rows of `m`, with as many threads a row as the matrix has been given (sharers_for
// in device_hierarchy.cpp).
template <template <class> class Body, class M, class W, class... Arguments>
void for_products(const M& m, W width, Arguments... arguments) {
    switch (m.sharers) {
        case 8: return for_rows(m.rows, width, Body<SharedBlock<W, 8>>{arguments...});
        case 4: return for_rows(m.rows, width, Body<SharedBlock<W, 4>>{arguments...});
        default: return for_rows(m.rows, width, Body<WideBlock<W>>{arguments...});
    }
}

// Launches the two kernels of a sum over rows: within chunks, then over the chunks.
template <class W, template <class...> class Body, class C, class... More>
void sum_rows(int64_t n, W /*width*/, Sums sums, const Body<C, More...>& body) {
    const int64_t chunks = blocks_for(n, reduction_chunk);
    launch(chunk_sums<C, Body<C, More...>>, few_blocks(chunks, chunks_at_once<C>),
           dim3(C::lanes, slots, chunks_at_once<C>), n, chunks, body, sums.partial);
    launch(column_sum<1024>, W::value, dim3(1024), chunks, sums.partial, sums.out);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
