# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that have to move and operations that have to be done, kernel by kernel, counted from sizes.

Every array that a kernel reads or writes is counted once and whole, as if the cache held nothing between
two kernels and everything within one; what a cache line brings along unasked, and what is read only to be
written over, is not counted. A multiply-add is two operations. What the kernels are is written once, in
`iteration`, `check`, `start` and `around`; a `Storage` says how many bytes a device keeps a number in.
`profile_kernels.py` holds the calls against those of a run on a CPU; `model_gpu.py` makes times of the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

PERIOD = 6  # iterations between residuals in float64, as in cpp/pcg.cpp
POINTS = 64  # of a lattice in a tricubic interpolation

Level = tuple[int, int, int, int]  # rows, nonzeros of A, of P, of A P


@dataclass(frozen=True)
class Storage:
    """Bytes of what a device keeps; as they stand, those of the CPU: float32 all through the V-cycle."""

    real: int = 4  # a number of what comes down in the V-cycle
    value: int = 4  # an entry of a matrix of the V-cycle …
    scale: int = 0  # … and what each of its rows has besides
    short: bool = False  # whether columns take two bytes where there are at most 2^16 of them
    kept: int = 0  # a number of the residual that the V-cycle sees, where it is not the iteration's own


CPU = Storage()
GPU = Storage(real=2, value=2, scale=4, short=True, kept=2)


@dataclass(frozen=True)
class Matrix:
    """Sizes of a sparse matrix; `stored` counts its padding too."""

    name: str
    rows: int
    cols: int
    nonzeros: int
    stored: int


@dataclass(frozen=True)
class Matrices:
    """Of one level: A, and the prolongation from the next with what belongs to it, where there is a next."""

    a: Matrix
    p: Matrix | None = None
    pt: Matrix | None = None
    ap: Matrix | None = None


@dataclass(frozen=True)
class Access:
    """An array that a kernel reads or writes row by row, or gathers from; an update is both."""

    array: str
    size: float
    kind: str  # "read", "write", "update", "gather"

    @property
    def moved(self) -> float:
        return 2.0 * self.size if self.kind == "update" else self.size


@dataclass(frozen=True)
class Product:
    """Σ over the entries of a row, of `value` bytes each, times `each` gathered numbers of `number` bytes."""

    matrix: Matrix
    value: int
    index: int
    number: int
    each: int = 1


@dataclass(frozen=True)
class Step:
    """One call of a kernel."""

    verb: str
    stage: str
    level: int
    rows: int
    accesses: tuple[Access, ...]
    flops: float
    products: tuple[Product, ...] = ()
    sums: bool = False  # whether it leaves a sum for each column
    bytes: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bytes", sum(access.moved for access in self.accesses))


@dataclass(frozen=True)
class Cost:
    """Of all calls of one kernel in a solve of one batch."""

    stage: str
    calls: int = 0
    bytes: float = 0.0
    flops: float = 0.0

    def and_also(self, size: float, flops: float, calls: int = 1) -> Cost:
        """With so many more calls of that size."""
        return Cost(self.stage, self.calls + calls, self.bytes + calls * size, self.flops + calls * flops)


def matrix(nonzeros: int, rows: int, value: int = 4) -> float:
    """Bytes of a sparse matrix: columns, values, starts of the rows."""
    return (4.0 + value) * nonzeros + 4.0 * (rows + 1)


def matrices(levels: Sequence[Level]) -> list[Matrices]:
    """Those of a hierarchy of such sizes, unpadded."""

    def made(name: str, rows: int, cols: int, nonzeros: int) -> Matrix:
        return Matrix(name, rows, cols, nonzeros, nonzeros)

    found = []
    for at, (n, a, p, ap) in enumerate(levels):
        own = made(f"a{at}", n, n, a)
        if at + 1 == len(levels):
            found.append(Matrices(own))
            continue
        coarse = levels[at + 1][0]
        between = (
            made(f"p{at}", n, coarse, p),
            made(f"pt{at}", coarse, n, p),
            made(f"ap{at}", n, coarse, ap),
        )
        found.append(Matrices(own, *between))
    return found


def held_bytes(levels: Sequence[Level], tets: int) -> float:
    """What a model keeps of a head: mesh, source operator, hierarchy, without work space."""
    rows, nonzeros, _, _ = levels[0]
    mesh = 24.0 * rows + 4.0 * rows + 16.0 * tets  # nodes, their order, tetrahedra
    source = matrix(nonzeros, rows, 12)
    fine = 8.0 * nonzeros + 3 * 8.0 * rows  # the matrix in float64; scale, its inverse, weight
    cycle = 0.0
    for (n, a, p, ap), coarse in zip(levels, [*levels[1:], None], strict=True):
        cycle += matrix(a, n)
        if coarse is not None:
            cycle += matrix(p, n) + matrix(ap, n) + matrix(p, coarse[0])
    return mesh + source + fine + cycle + 4.0 * levels[-1][0] ** 2


def work_bytes(levels: Sequence[Level]) -> float:
    """Block vectors per pose of a batch: ∂A/∂t, b, φ, and the solver's own."""
    n = levels[0][0]
    cycle = 4.0 * (2 * n + 3 * sum(level[0] for level in levels[1:]))
    return (12.0 + 8.0 + 8.0) * n + 4.0 * 3 * n + cycle


class Counter:
    """Makes steps for `width` columns of a hierarchy kept in some storage."""

    def __init__(self, levels: Sequence[Matrices], width: int, storage: Storage = CPU) -> None:
        self.levels, self.width, self.storage = levels, width, storage
        self.n = levels[0].a.rows

    def vector(self, array: str, rows: int, size: float, kind: str = "read") -> Access:
        """Of a block vector, whose numbers take so many bytes."""
        return Access(array, size * self.width * rows, kind)

    def index(self, m: Matrix, cycle: bool) -> int:
        return 2 if cycle and self.storage.short and m.cols <= 1 << 16 else 4

    def product(self, m: Matrix, number: int, value: int = 0, each: int = 1) -> Product:
        """With a matrix of the V-cycle, or one whose entries take so many bytes."""
        return Product(m, value or self.storage.value, self.index(m, not value), number, each)

    def entries(self, product: Product, cycle: bool = True) -> tuple[Access, ...]:
        """Arrays of a matrix. The fine matrix has the columns of all of its types once."""
        m, scale = product.matrix, self.storage.scale * product.matrix.rows if cycle else 0
        kind = "cycle" if cycle else str(product.value)
        columns = Access(
            f"{m.name}.columns{product.index}", product.index * m.stored + 4.0 * (m.rows + 1), "read"
        )
        return columns, Access(f"{m.name}.{kind}", float(product.value * m.stored + scale), "read")

    def row_step(
        self, verb: str, vectors: Sequence[Access], flops: float, sums: bool = False, weights: bool = False
    ) -> Step:
        """Over the rows of the finest level without a matrix."""
        weight = (Access("weight", 8.0 * self.n, "read"),) if weights else ()
        return Step(verb, "solve", 0, self.n, (*vectors, *weight), flops * self.n * self.width, (), sums)

    def iteration(self) -> list[Step]:
        """The steps of one iteration, in their order."""
        n, s, vector = self.n, self.storage, self.vector
        fine = self.product(self.levels[0].a, 4, 4)
        flops = (2.0 * fine.matrix.nonzeros + 2 * n) * self.width
        rounded = [vector("b0", n, s.kept, "write")] if s.kept else []
        return [
            *self.cycle(0),
            self.row_step(
                "step_direction", [vector("z0", n, 4), *(vector(v, n, 4, "update") for v in "px")], 5
            ),
            Step(
                "apply_dot",
                "solve",
                0,
                n,
                (*self.entries(fine, False), vector("p", n, 4, "gather"), vector("z0", n, 4, "write")),
                flops,
                (fine,),
                True,
            ),
            self.row_step(
                "step_residual",
                [vector("z0", n, 4), vector("r", n, 4, "update"), *rounded],
                5,
                sums=True,
                weights=True,
            ),
        ]

    def cycle(self, at: int) -> list[Step]:
        """One V-cycle from level `at` down and up again."""
        here, real = self.levels[at], self.storage.real
        n = here.a.rows

        def own(name: str, kind: str, size: int = real) -> Access:
            return self.vector(f"{name}{at}", n, size, kind)

        if at + 1 == len(self.levels):
            dense = (Access("inverse", 4.0 * n * n, "read"), own("b", "read"), own("z", "write", 4))
            return [Step("apply_dense", "solve", at, n, dense, 2.0 * n * n * self.width)]
        assert here.p is not None
        assert here.pt is not None
        assert here.ap is not None
        coarse = self.vector(f"z{at + 1}", here.p.cols, 4, "gather")
        onward = self.vector(f"b{at + 1}", here.pt.rows, real, "write")
        a, pt = self.product(here.a, real), self.product(here.pt, real)
        p, ap = self.product(here.p, 4), self.product(here.ap, 4)
        dot = [own("b", "read")] if at == 0 else []
        up = [coarse, own("x", "read"), own("r", "gather"), own("z", "write", 4), *dot]
        return [
            self.cycle_step("smooth_from_zero", at, [a], [own("b", "gather"), own("x", "write")], 3),
            self.cycle_step(
                "residual", at, [a], [own("b", "read"), own("x", "gather"), own("r", "write")], 1
            ),
            self.cycle_step("apply", at, [pt], [own("r", "gather"), onward], 0),
            *self.cycle(at + 1),
            self.cycle_step("correct", at, [ap], [coarse, own("r", "update")], 1),
            self.cycle_step("smooth", at, [a, p], up, 4 if at else 6),
        ]

    def cycle_step(
        self, verb: str, at: int, products: Sequence[Product], vectors: Sequence[Access], extra: int
    ) -> Step:
        """With matrices of the V-cycle; operations of each row besides the products."""
        entries = [access for one in products for access in self.entries(one)]
        n, rows = self.levels[at].a.rows, products[0].matrix.rows
        flops = (2.0 * sum(one.matrix.nonzeros for one in products) + extra * n) * self.width
        sums = verb == "smooth" and at == 0
        return Step(verb, "solve", at, rows, (*entries, *vectors), flops, tuple(products), sums)

    def check(self) -> list[Step]:
        """The residual in float64."""
        n, vector, s = self.n, self.vector, self.storage
        fine = self.product(self.levels[0].a, 8, 8)
        added = [vector("p", n, 4), vector("x", n, 4, "update"), vector("phi", n, 8, "update")]
        accesses = [vector("b", n, 8), vector("phi", n, 8, "gather"), vector("r", n, 4, "write")]
        # A GPU loads r too, to keep it in columns that ask for nothing.
        accesses += [vector("r", n, 4), vector("b0", n, s.kept, "write")] if s.kept else []
        accesses += [*self.entries(fine, False), Access("weight", 8.0 * n, "read")]
        flops = (2.0 * fine.matrix.nonzeros + 4 * n) * self.width
        return [
            self.row_step("flush", added, 4),
            Step("true_residual", "solve", 0, n, tuple(accesses), flops, (fine,), True),
        ]

    def start(self) -> list[Step]:
        """From a right-hand side and a guess of zero to the first residual."""
        n, vector, s = self.n, self.vector, self.storage
        first = [vector("b", n, 8), *(vector(name, n, 4, "write") for name in "rxp")]
        first += [vector("b0", n, s.kept, "write")] if s.kept else []
        scale = Access("scale", 8.0 * n, "read")
        measured = [vector("b", n, 8, "update"), scale]
        return [
            self.row_step("scale_and_measure", measured, 4, sums=True, weights=True),
            self.row_step("begin", [*first, vector("phi", n, 8, "write")], 1),
        ]

    def end(self) -> list[Step]:
        scale = Access("scale", 8.0 * self.n, "read")
        return [self.row_step("scale_rows", [self.vector("phi", self.n, 8, "update"), scale], 1)]

    def around(self, chosen: int, touched: int) -> list[Step]:
        """Before and after the solve; `touched` nodes are corners of the `chosen` tetrahedra."""
        n, width, vector = self.n, self.width, self.vector
        lattice_flops = (
            2.0 * (POINTS * 4 + 12) + 60.0
        )  # sums of four numbers a point; cell, weights, rotation
        field_flops = (3 + 2 * 9 + 9 + 2 * 3 + 3) * width
        adot = vector("adot", n, 12, "gather")
        a = self.levels[0].a
        source = Product(Matrix("source", a.rows, a.cols, a.nonzeros, a.nonzeros), 12, 4, 4, 3)
        nodes = Access("nodes", 24.0 * n, "read")
        written = vector("adot", n, 12, "write")
        corners = Access("corners", (24.0 + 20.0 * width) * touched, "gather")
        field_arrays = (
            Access("tets", 20.0 * chosen, "read"),
            corners,
            Access("E", 12.0 * width * chosen, "write"),
        )
        right = (*self.entries(source, False), adot, vector("b", n, 8, "write"))
        return [
            Step("primary", "primary", 0, n, (nodes, written), lattice_flops * n * width),
            Step("right_hand_side", "right_hand_side", 0, n, right, 6.0 * a.nonzeros * width, (source,)),
            Step("electric_field", "field", 0, chosen, field_arrays, field_flops * chosen + 90.0 * chosen),
        ]


def solve(levels: Sequence[Level], width: int, iterations: int) -> dict[str, Cost]:
    """Of each verb in a solve on a CPU from a zero guess, for columns that all take so many iterations."""
    counter = Counter(matrices(levels), width)
    checks = (iterations - 1) // PERIOD + 1
    costs: dict[str, Cost] = {}
    parts = ((counter.iteration(), iterations), (counter.check(), checks))
    for steps, calls in (*parts, (counter.start(), 1), (counter.end(), 1)):
        for step in steps:
            before = costs.get(step.verb, Cost(step.stage))
            costs[step.verb] = before.and_also(step.bytes, step.flops, calls)
    return costs


def around(levels: Sequence[Level], tets: int, chosen: int, touched: int, width: int) -> dict[str, Cost]:
    """Of what comes before and after the solve; `touched` nodes are corners of the `chosen` tetrahedra."""
    n, a, _, _ = levels[0]
    steps = Counter(matrices(levels), width).around(chosen, touched)
    found = {step.verb: Cost(step.stage, 1, step.bytes, step.flops) for step in steps}
    return found | {"assemble": Cost("set-up", 1, 24.0 * n + 24.0 * tets + 24.0 * a, 4 * 100.0 * tets)}


def per_iteration(levels: Sequence[Level], width: int) -> tuple[float, float]:
    """Bytes and operations of one iteration of a batch, checks in float64 left out."""
    steps = Counter(matrices(levels), width).iteration()
    return sum(step.bytes for step in steps), sum(step.flops for step in steps)
