# SPDX-License-Identifier: BSD-3-Clause
"""Bad arguments to the native kernels: an error with the argument's name, no crash, no conversion."""

import subprocess
import sys

import numpy as np
import pytest
from devices import native

pytestmark = pytest.mark.usefixtures("each_device")

MAX_INT = np.iinfo(np.int32).max
NODES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
TETS = np.array([[0, 1, 2, 3]], np.int32)
# A full matrix of four rows, and its pattern by columns; those of the element's corners, and of the nodes.
INDPTR, INDICES = np.arange(0, 17, 4, dtype=np.int32), np.tile(np.arange(4, dtype=np.int32), 4)
STIFFNESS, SOURCE = (4.0 * np.eye(4) - 1.0).ravel(), np.ones((16, 3), np.float32)
ROWS = np.ones((4, 3, 4), np.float32)
COLUMNS = INDPTR, INDICES, np.arange(16, dtype=np.int32).reshape(4, 4).T.ravel()
CORNERS = np.arange(5, dtype=np.int32), np.zeros(4, np.int32), np.arange(4, dtype=np.int32)
OF_NODES = np.arange(5, dtype=np.int32), np.arange(4, dtype=np.int32), np.arange(4, dtype=np.int32)
UNKNOWNS = np.array([[0, 1, 2, 3, -1, -1, -1, -1, -1, -1]], np.int32)
SETS, SHORTS = np.ones((2, 3), np.float32), np.ones((2, 3, 32), np.int16)
GOOD = {
    "node_parts": {"tets": TETS, "n_nodes": 4},
    "boundary_faces": {"tets": TETS, "n_nodes": 4},
    "morton_order": {"nodes": NODES},
    "mesh_edges": {"tets": TETS, "n_nodes": 4},
    "refine_edges": {
        "nodes": NODES,
        "tets": TETS,
        "ends": np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]], np.int32),
        "of": np.arange(6, dtype=np.int32)[None],
        "marked": np.ones(6, bool),
    },
    "assemble": {"nodes": NODES, "tets": TETS, "sigma": np.ones(1)},
    "assemble_quadratic": {"nodes": NODES, "unknowns": UNKNOWNS, "sigma": np.ones(1)},
    "sampling": {
        "nodes": NODES,
        "unknowns": UNKNOWNS,
        "ptr": np.array([0, 1, 3], np.int32),
        "elements": np.zeros(3, np.int32),
        "barycentric": np.full((3, 4), 0.25),
        "weight": np.ones(3),
    },
    "Triangles": {"corners": NODES[None, :3].repeat(2, axis=0)},
    "DistanceLattice": {"values": np.ones((2, 2, 2), np.float32), "low": np.zeros(3), "step": 1.0},
    "thinned": {"points": NODES, "distance": 0.5},
    "right_hand_side": {
        "indptr": INDPTR,
        "indices": INDICES,
        "source": SOURCE,
        "adot": np.ones((4, 3, 4), np.float32),
        "out": np.zeros((4, 4)),
    },
    "electric_field": {
        "nodes": NODES,
        "tets": TETS,
        "phi": np.ones((4, 4)),
        "adot": np.ones((4, 3, 4), np.float32),
        "scale": np.ones(2),
        "elements": np.zeros(1, np.int32),
        "out": np.zeros((2, 1, 3), np.float32),
    },
    "field_at_points": {
        "indptr": INDPTR,
        "indices": INDICES,
        "gradients": SOURCE,
        "shares": np.ones(16, np.float32),
        "phi": np.ones((4, 4)),
        "adot": ROWS,
        "scale": np.ones(2),
        "out": np.zeros((2, 4, 3), np.float32),
    },
    "subtract_product": {
        "indptr": INDPTR,
        "indices": INDICES,
        "values": STIFFNESS,
        "x": np.ones((4, 4)),
        "b": np.zeros((4, 4)),
    },
    "pack": {
        "rows": np.ones((2, 4)),
        "node": np.arange(4, dtype=np.int32),
        "scale": np.ones(2),
        "out": np.zeros((4, 4)),
    },
    "unpack": {
        "phi": np.ones((4, 4)),
        "node": np.arange(4, dtype=np.int32),
        "scale": np.ones(2),
        "out": np.zeros((2, 4)),
    },
    "transposed": {"indptr": INDPTR, "indices": INDICES, "columns": 4},
    "element_loads": {
        "nodes": NODES,
        "tets": TETS,
        "weights": np.ones((2, 1, 3), np.float32),
        "scale": np.ones(2),
        "elements": np.zeros(1, np.int32),
        "corners": CORNERS,
        "out": np.zeros((4, 4)),
    },
    "spread": {
        "weights": np.ones((2, 1, 3), np.float32),
        "scale": np.ones(2),
        "shares": np.ones((1, 4), np.float32),
        "corners": CORNERS,
        "out": np.zeros((4, 3, 4), np.float32),
    },
    "nodal_flux": {
        "columns": COLUMNS,
        "source": SOURCE,
        "phi": np.ones((4, 4)),
        "out": np.zeros((4, 3, 4), np.float32),
    },
    "recovered_loads": {
        "indptr": INDPTR,
        "weights": SOURCE,
        "columns": COLUMNS,
        "nodes": OF_NODES,
        "rows": ROWS,
        "out": np.zeros((4, 4)),
    },
    "recovered_rates": {
        "rate": np.ones((4, 3, 3), np.float32),
        "nodes": OF_NODES,
        "rows": ROWS,
        "out": np.zeros((4, 3, 4), np.float32),
    },
    "CurrentTree": {"nodes": NODES, "currents": np.ones((2, 4, 3), np.float32)},
    "mode_sums": {"values": SHORTS, "scales": SETS, "weights": SETS[:1], "columns": 40},
    "table_sums": {"tables": [], "points": NODES, "vectors": NODES, "poses": np.eye(4)[None]},
    "product": {"left": SETS, "right": np.ones((3, 4), np.float32)},
    "Sources": {"positions": NODES + 5, "moments": NODES, "points": NODES + 6, "segments": NODES},
}
GOOD["edge_shares"] = GOOD["element_loads"] | {"out": np.zeros((4, 3, 4), np.float32)}
# Arguments, and parts of those that are tuples.
ARRAYS = [(f, a) for f, args in GOOD.items() for a, v in args.items() if isinstance(v, np.ndarray)]
TUPLES = [(f, a) for f, args in GOOD.items() for a, v in args.items() if isinstance(v, tuple)]
ARRAYS += [(f, (a, i)) for f, a in TUPLES for i in range(3)]
NOT_CHECKED_FOR_LENGTH = {  # any number of rows is right
    ("morton_order", "nodes"),
    *((f, "tets") for f in ("node_parts", "boundary_faces", "mesh_edges")),
    *((f, "nodes") for f in ("refine_edges", "assemble", "assemble_quadratic", "edge_shares")),  # more
    *(("sampling", a) for a in ("nodes", "unknowns")),
    *((f, "tets") for f in ("electric_field", "element_loads", "edge_shares")),  # more than are asked for
    *(("Triangles", "corners"), ("DistanceLattice", "values"), ("thinned", "points")),
    ("subtract_product", "x"),  # more columns than the matrix has entries in
    *((f, a) for f, a in (("CurrentTree", "currents"), ("product", "left"))),  # more functionals, rows
    *(("mode_sums", "weights"), ("table_sums", "poses")),
}
MAY_BE_NONE = {(f, "elements") for f in ("electric_field", "element_loads", "edge_shares")}
MAY_BE_NONE |= {("electric_field", "adot")}
MAY_BE_NONE |= {("spread", "shares"), ("field_at_points", "adot")}
LISTS = {(f, "elements") for f in ("electric_field", "element_loads", "edge_shares")}  # of any shape

WRONG_SHAPE = r"must have shape|differ in length|indptr|ptr must ascend"


def call(function, **changes):
    return getattr(native, function)(**{**GOOD[function], **changes})


def good_one(function, argument):
    if isinstance(argument, tuple):
        return GOOD[function][argument[0]][argument[1]]
    return GOOD[function][argument]


def call_with(function, argument, value):
    """Call with one argument changed, or a part of one."""
    if isinstance(argument, tuple):
        argument, place = argument
        parts = GOOD[function][argument]
        value = (*parts[:place], value, *parts[place + 1 :])
    call(function, **{argument: value})


@pytest.mark.parametrize("function", GOOD)
def test_good_arguments_are_taken(function):
    call(function)


@pytest.mark.parametrize(("function", "argument"), ARRAYS)
def test_wrong_dtypes_layouts_and_kinds_are_refused_not_converted(function, argument):
    good = good_one(function, argument)
    wrong = [good.astype(np.float16), good.astype(complex), good.astype(">f8")]
    wrong += [None, "text", 3, good.tolist()]
    if good.ndim > 1 and good.shape[0] > 1:
        wrong.append(np.asfortranarray(good))
        wrong.append(np.repeat(good, 2, axis=-1)[..., ::2])
    for value in wrong:
        if value is None and (function, argument) in MAY_BE_NONE:
            continue
        name = argument[0] if isinstance(argument, tuple) else argument
        with pytest.raises(TypeError, match=name):  # the signature in the message has the name
            call_with(function, argument, value)


@pytest.mark.parametrize(("function", "argument"), ARRAYS)
def test_wrong_shapes_are_refused_by_name(function, argument):
    good = good_one(function, argument)
    if (function, argument) not in LISTS:
        with pytest.raises(ValueError, match=WRONG_SHAPE):
            call_with(function, argument, good[None])
        with pytest.raises(ValueError, match=WRONG_SHAPE):
            call_with(function, argument, good.ravel()[:1].reshape(()))
    if (function, argument) not in NOT_CHECKED_FOR_LENGTH:
        with pytest.raises(ValueError, match=WRONG_SHAPE):
            call_with(function, argument, np.concatenate([good, good]))


def sources(positions, moments):
    return native.Sources(positions, moments, np.zeros((0, 3)), np.zeros((0, 3)))


def sample(grid, nodes, poses, width):
    adot = np.full((len(nodes), 3, width), np.nan, np.float32)
    return adot, grid.sample(nodes, poses, np.ones(len(poses)), adot)


@pytest.mark.parametrize("width", [0, 2, 3, 5, 33, 128])
def test_widths_that_are_not_compiled_are_refused(width):
    with pytest.raises(ValueError, match="columns"):
        sample(native.Grid([], sources(NODES, NODES)), NODES, np.eye(4)[None], width)
    with pytest.raises(ValueError, match="columns"):
        call("right_hand_side", adot=np.ones((4, 3, width), np.float32), out=np.zeros((4, width)))
    with pytest.raises(ValueError, match="columns"):
        call("electric_field", phi=np.ones((4, width)), adot=np.ones((4, 3, width), np.float32))
    rows = np.ones((4, 3, width), np.float32)
    with pytest.raises(ValueError, match="columns"):
        call("field_at_points", phi=np.ones((4, width)), adot=rows)
    with pytest.raises(ValueError, match="columns"):
        call("subtract_product", x=np.ones((4, width)), b=np.ones((4, width)))
    few = {"weights": np.ones((0, 1, 3), np.float32), "scale": np.ones(0)}
    for function, changes in (
        ("element_loads", few | {"out": np.zeros((4, width))}),
        *((f, few | {"out": rows}) for f in ("spread", "edge_shares")),
        ("nodal_flux", {"phi": np.zeros((4, width)), "out": rows}),
        ("recovered_loads", {"rows": rows, "out": np.zeros((4, width))}),
        ("recovered_rates", {"rows": rows, "out": rows}),
    ):
        with pytest.raises(ValueError, match="columns"):
            call(function, **changes)


INDICES_IN = [
    *((f, "tets") for f in ("node_parts", "boundary_faces", "mesh_edges")),
    ("refine_edges", "tets"),
    ("refine_edges", "ends"),
    ("refine_edges", "of"),
    ("assemble", "tets"),
    ("assemble_quadratic", "unknowns"),
    ("sampling", "unknowns"),
    ("sampling", "elements"),
    ("right_hand_side", "indices"),
    ("electric_field", "tets"),
    ("electric_field", "elements"),
    ("field_at_points", "indices"),
    ("subtract_product", "indices"),
    ("pack", "node"),
    ("unpack", "node"),
    ("transposed", "indices"),
    *((f, a) for f in ("element_loads", "edge_shares") for a in ("tets", "elements")),
    *((f, (a, i)) for f, a in TUPLES for i in (1, 2)),
]
OUT_OF_RANGE = [(f, a, i) for f, a in INDICES_IN for i in (-1, 16, MAX_INT, -MAX_INT)]
OUT_OF_RANGE = [case for case in OUT_OF_RANGE if case[1:] != ("unknowns", -1)]  # no unknown
OUT_OF_RANGE += [(f, a, 4) for f, a in INDICES_IN if a not in (("columns", 2), "of")]
OUT_OF_RANGE += [("transposed", "columns", n) for n in (-1, 3, 2**31, -(2**62), 2**62)]
COUNTED = ("node_parts", "boundary_faces", "mesh_edges")
OUT_OF_RANGE += [(f, "n_nodes", n) for f in COUNTED for n in (-1, 0, -(2**62), 2**62)]


def refusals():
    """Print what each case of OUT_OF_RANGE answers: in a process of its own, which a crash ends."""
    for function, argument, index in OUT_OF_RANGE:
        value = index
        if argument not in ("n_nodes", "columns"):
            value = good_one(function, argument).copy()
            value.flat[-1] = index
        try:
            call_with(function, argument, value)
            print("accepted", flush=True)
        except (ValueError, MemoryError) as error:
            print(f"refused {error}", flush=True)


@pytest.fixture(scope="module")
def answers(each_device):
    modules = "conftest, test_kernel_arguments as t"  # the first brings the emulated GPU
    if "native_plugin" in sys.modules:
        modules = f"native_plugin, {modules}"
    code = f"import sys; sys.path[:0] = {sys.path!r}; import {modules}; t.refusals()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stdout.splitlines()
    return lines + [f"crashed: {done.returncode} {done.stderr[-300:]}"] * (len(OUT_OF_RANGE) - len(lines))


@pytest.mark.parametrize("case", range(len(OUT_OF_RANGE)), ids=[" ".join(map(str, c)) for c in OUT_OF_RANGE])
def test_indices_and_counts_out_of_range_are_refused(answers, case):
    _, argument, index = OUT_OF_RANGE[case]
    answer, name = answers[case], argument[0] if isinstance(argument, tuple) else argument
    assert answer.startswith("refused")
    others = {"n_nodes": "tets", "columns": "indices"}  # which then are out of range
    assert name in answer or others.get(name, "?") in answer or index == 2**62


def test_a_read_only_output_is_refused():
    for function, name in [(f, a) for f, args in GOOD.items() for a in args if a in ("out", "b")]:
        out = GOOD[function][name].copy()
        out.flags.writeable = False
        with pytest.raises(ValueError, match="writeable"):
            call(function, **{name: out})


def test_more_scales_than_columns_are_refused():
    with pytest.raises(ValueError, match="scale"):
        call("electric_field", scale=np.ones(5), out=np.zeros((5, 1, 3), np.float32))
    with pytest.raises(ValueError, match="scale"):
        call("field_at_points", scale=np.ones(5), out=np.zeros((5, 4, 3), np.float32))
    for function in ("element_loads", "edge_shares", "spread"):
        with pytest.raises(ValueError, match="scale"):
            call(function, scale=np.ones(5), weights=np.ones((5, 1, 3), np.float32))


@pytest.mark.parametrize(
    "indptr", [[0], [1, 10], [0, 4, 2, 12, 16], [0, 4, 8, 12, 17], [0, 4, 8, 12, -1], [0, 20, 8, 12, 16]]
)
def test_row_pointers_that_describe_no_matrix_are_refused(indptr):
    indptr = np.array(indptr, np.int32)
    for function, argument in (
        ("right_hand_side", "indptr"),
        ("field_at_points", "indptr"),
        ("subtract_product", "indptr"),
        ("transposed", "indptr"),
        ("nodal_flux", ("columns", 0)),
        ("recovered_loads", "indptr"),
        ("recovered_loads", ("columns", 0)),
        ("recovered_loads", ("nodes", 0)),
        ("recovered_rates", ("nodes", 0)),
        ("element_loads", ("corners", 0)),
        ("spread", ("corners", 0)),
    ):
        with pytest.raises(ValueError, match="indptr"):
            call_with(function, argument, indptr)


GRID_SHAPE = (5, 5, 5)


@pytest.mark.parametrize(
    ("values", "good"),
    [
        (np.ones((*GRID_SHAPE, 3), np.float32), np.ones((4, 4, 4), np.uint8)),
        (np.ones((*GRID_SHAPE, 4), np.float32), np.ones(GRID_SHAPE, np.uint8)),
        (np.ones((*GRID_SHAPE, 4), np.float32), np.ones((4, 4), np.uint8)),
        (np.ones(GRID_SHAPE, np.float32), np.ones((4, 4, 4), np.uint8)),
    ],
)
def test_lattices_of_wrong_shape_are_refused(values, good):
    with pytest.raises(ValueError, match="must have shape"):
        native.Grid([((0.0,) * 3, (1.0,) * 3, values, good)], sources(NODES, NODES))


def test_lattices_too_small_to_interpolate_or_of_no_spacing_fall_back_to_the_sum():
    far = NODES + 5.0
    exact = sources(far, NODES).vector_potential(NODES)
    for spacing, n in ((1.0, 1), (1.0, 2), (1.0, 3), (0.0, 5), (-1.0, 5), (np.nan, 5)):
        values, good = np.ones((n, n, n, 4), np.float32), np.ones((n - 1,) * 3, np.uint8)
        grid = native.Grid([((0.0,) * 3, (spacing,) * 3, values, good)], sources(far, NODES))
        adot, n_direct = sample(grid, NODES, np.eye(4)[None], 1)
        assert n_direct == 4
        np.testing.assert_allclose(adot[:, :, 0], exact, rtol=1e-5, atol=1e-6 * np.abs(exact).max())


def test_more_poses_than_columns_are_refused():
    grid = native.Grid([], sources(NODES, NODES))
    with pytest.raises(ValueError, match="poses"):
        sample(grid, NODES, np.tile(np.eye(4), (5, 1, 1)), 4)
    with pytest.raises(ValueError, match="poses"):
        sample(grid, NODES, np.eye(4), 4)


def test_numbers_of_threads_below_one_are_refused():
    for n in (0, -1):
        with pytest.raises(ValueError, match="threads"):
            native.set_threads(n)
    with pytest.raises(TypeError):
        native.set_threads(2**40)
