# SPDX-License-Identifier: BSD-3-Clause
"""Fields in Gmsh files: $ElementData and $NodeData of every layout, whole and damaged."""

import struct
from pathlib import Path

import numpy as np
import pytest
from given.gmsh_files import CONTIGUOUS, ELEMENTS, NODES, WITH_GAPS, check_fields, field, msh22, msh41

from headfield.errors import MeshError

ORDERS = pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
E = np.random.default_rng(1).normal(size=(3, 3))  # of the triangle 102 and the tetrahedra 103, 104
V = np.random.default_rng(2).normal(size=5)


@ORDERS
@pytest.mark.parametrize("ids", [CONTIGUOUS, WITH_GAPS])
@pytest.mark.parametrize("build", [msh22, msh41])
class TestLayouts:
    def test_fields_as_result_files_have_them(self, load, order, ids, build):
        content = build(order, ids) + field(order, "ElementData", "E", [102, 103, 104], E)
        content += field(order, "ElementData", "magnE", [102, 103, 104], E[:, 0], partition=False)
        content += field(order, "NodeData", "v", ids, V)
        mesh = load(content)
        check_fields(mesh, {"E": E[1:], "magnE": E[1:, 0]}, {"v": V}, {"E": E[:1], "magnE": E[:1, 0]})
        with pytest.raises(TypeError):
            mesh.element_data["E"] = E

    def test_rows_in_any_order_and_absent_ones(self, load, order, ids, build):
        nan = np.full(3, np.nan)
        content = build(order, ids) + field(order, "ElementData", "E", [104, 102], E[[2, 0]])
        content += field(order, "ElementData", "tets", [103], [7])
        content += field(order, "ElementData", "skin", [102], [8])
        content += field(order, "NodeData", "v", ids[[4, 0]], V[[4, 0]])
        check_fields(
            load(content),
            {"E": [nan, E[2]], "tets": [7, np.nan]},
            {"v": [V[0], np.nan, np.nan, np.nan, V[4]]},
            {"E": [E[0]], "skin": [8]},
        )

    def test_steps_of_a_view(self, load, order, ids, build):
        parts = [field(order, "ElementData", "E", [103, 104], E[1:] + k, step=k) for k in (0, 1, 12)]
        parts += [field(order, "ElementData", "once", [103, 104], [1, 2], step=4)]
        parts += [field(order, "NodeData", "E", ids, V - k, step=k) for k in (1, 0)]
        check_fields(
            load(build(order, ids) + b"".join(parts)),
            {"E_0000": E[1:], "E_0001": E[1:] + 1, "E_0012": E[1:] + 12, "once": [1, 2]},
            {"E_0001": V - 1, "E_0000": V},
        )

    def test_a_step_without_any_row_is_nan_all_over(self, load, order, ids, build):
        parts = [
            field(order, "ElementData", "E", [], [], step=0),
            field(order, "ElementData", "E", [103, 104], [1, 2], step=1),
            field(order, "NodeData", "v", [], []),
        ]
        nan = np.full(5, np.nan)
        check_fields(
            load(build(order, ids) + b"".join(parts)), {"E_0000": nan[:2], "E_0001": [1, 2]}, {"v": nan}
        )


@ORDERS
def test_fields_before_the_mesh_and_on_other_elements(load, order):
    content = msh22(order)
    head, rest = content.split(b"$Nodes\n", 1)
    data = field(order, "ElementData", "all", [100, 101, 102, 103, 104], [1, 2, 3, 4, 5])
    check_fields(load(head + data + b"$Nodes\n" + rest), {"all": [4, 5]}, {}, {"all": [3]})
    data = field(order, "ElementData", "lines", [101], [9.0])
    check_fields(load(content + data))


@ORDERS
def test_fields_outlive_the_repairs(load, order):
    """Node 77 and the triangle on it are dropped, and the second tetrahedron is turned."""
    nodes = np.concatenate([NODES[:2], [[77, 77, 77]], NODES[2:]])
    elements = [(kind, tags, [c + (c > 1) for c in corners]) for kind, tags, corners in ELEMENTS]
    elements[4] = (4, (5, 5), [1, 0, 3, 5])
    elements.insert(2, (2, (1001, 1001), [0, 1, 2]))
    content = msh22(order, np.arange(1, 7), elements, nodes)
    content += field(order, "NodeData", "v", np.arange(1, 7), np.arange(6))
    content += field(order, "ElementData", "t", np.arange(102, 106), [50, 51, 52, 53])
    mesh = load(content)
    assert (mesh.n_dropped_nodes, mesh.n_flipped) == (1, 0)
    check_fields(mesh, {"t": [52, 53]}, {"v": [0, 1, 3, 4, 5]}, {"t": [51]})


@ORDERS
def test_names(load, order):
    named = b"".join(
        field(order, "NodeData", name, CONTIGUOUS, V)
        for name in ("|E| [V/m]", "λ", 'a"b', "E_0007", "x" * 4000)
    )
    content = msh22(order)
    for name in ("|E| [V/m]", "λ", "E_0007", "x" * 4000):
        check_fields(load(content + field(order, "NodeData", name, CONTIGUOUS, V)), {}, {name: V})
    check_fields(load(content + field(order, "NodeData", "", CONTIGUOUS, V)), {}, {"NodeData": V})
    latin = field(order, "NodeData", "?", CONTIGUOUS, V).replace(b"?", b"\xb5V", 1)
    check_fields(load(content + latin), {}, {"\ufffdV": V})
    with pytest.raises(MeshError, match=r"a\.msh: node_data: a field can't be called 'a\"b'"):
        load(content + named)
    with pytest.raises(MeshError, match="can't be called"):
        load(content + field(order, "NodeData", "a\x07", CONTIGUOUS, V))
    clash = [
        field(order, "NodeData", name, CONTIGUOUS, V, step=k)
        for name, k in (("E", 0), ("E", 1), ("E_0001", 0))
    ]
    with pytest.raises(MeshError, match="two fields are called 'E_0001'"):
        load(content + b"".join(clash))


@ORDERS
def test_steps_that_are_not_told_apart_are_warned_of(load, order):
    twice = [field(order, "NodeData", "v", CONTIGUOUS, V * k) for k in (1, 2)]
    with pytest.warns(UserWarning, match="several views 'v' have the same step") as caught:
        mesh = load(msh22(order) + b"".join(twice))
    assert Path(caught[0].filename).name == "conftest.py"  # where `load` calls read_mesh
    check_fields(mesh, {}, {"v_0000": V, "v_0001": 2 * V})


@ORDERS
def test_fields_on_the_nodes_of_elements_are_left_out_with_a_warning(load, order):
    other = field(order, "ElementData", "E", [103], [1]).replace(b"ElementData", b"ElementNodeData")
    with pytest.warns(UserWarning, match=r"a\.msh: a field in \$ElementNodeData is left out"):
        mesh = load(msh22(order) + other + field(order, "NodeData", "v", CONTIGUOUS, V))
    check_fields(mesh, {}, {"v": V})


# ---- damaged


@ORDERS
class TestDamaged:
    def refuse(self, load, match, *sections, base=msh22):
        with pytest.raises(MeshError, match=match):
            load(base + b"".join(sections))

    def test_ids(self, load, order):
        base = msh22(order)
        for section, usual, what in (("ElementData", [102, 103, 104], E), ("NodeData", [1, 2, 3], E)):
            for wild in (0, -1, 99, 10**6, 2**31 - 1, -(2**31)):
                match = (
                    rf'\${section} "f" has 1 row with an id that the file doesn.t define; the first is {wild}'
                )
                self.refuse(load, match, field(order, section, "f", [*usual[:2], wild], what), base=base)
            match = rf'\${section} "f" has several rows with the id {usual[1]}'
            self.refuse(load, match, field(order, section, "f", [*usual[:2], usual[1]], what), base=base)

    def test_element_ids_that_are_not_unique(self, load, order):
        base = msh22(order).replace(
            struct.pack((order or "<") + "4i", 104, -1, -1, 1),
            struct.pack((order or "<") + "4i", 103, -1, -1, 1),
        )
        base = base.replace(b"\n104 ", b"\n103 ")
        assert load(base).element_ids.tolist() == [103, 103]  # of no harm without fields
        self.refuse(
            load,
            "1 element ids come twice; the first is 103",
            field(order, "ElementData", "f", [103], [1]),
            base=base,
        )

    def test_counts(self, load, order):
        base, good = msh22(order), field(order, "NodeData", "v", CONTIGUOUS, V)
        for rows in (0, 4, 6, 10**6, 10**12, 10**30, -1, "x", ""):
            self.refuse(load, "a.msh", good.replace(b"\n5\n0\n", f"\n{rows}\n0\n".encode(), 1), base=base)
        for components in (0, 2, 1001, 10**12, -1):
            self.refuse(
                load, "a.msh", good.replace(b"\n1\n5\n0\n", f"\n{components}\n5\n0\n".encode(), 1), base=base
            )
        for n_tags in (0, 1, 2, 101, -1):
            self.refuse(load, "a.msh", good.replace(b"\n4\n0\n", f"\n{n_tags}\n0\n".encode(), 1), base=base)

    def test_fields_that_would_outgrow_the_file(self, load, order):
        """Thousands of fields of one row each, on 20,000 nodes that no file of this size could hold."""
        n = 20000
        nodes = np.concatenate([NODES, np.full((n, 3), 7.0)])
        base = msh22(order, np.arange(1, n + 6), nodes=nodes)
        rows = b"".join(field(order, "NodeData", f"f{k}", [1], [0.0]) for k in range(2000))
        self.refuse(load, "2,000 fields, most rows of which are absent, would take 0.3 GB", rows, base=base)


BASES = {
    "22 text": msh22("")
    + field("", "ElementData", "E", [102, 104], E[:2])
    + field("", "NodeData", "v", CONTIGUOUS, V),
    "22 binary": msh22(">", WITH_GAPS, singles=True)
    + field(">", "NodeData", "v", WITH_GAPS, V)
    + field(">", "ElementData", "E", [103, 104], E[:2]),
    "41 binary": msh41("<") + field("<", "ElementData", "E", [102, 103, 104], E),
}


@pytest.mark.parametrize("base", BASES)
def test_every_truncation_is_an_error(load, base):
    content = BASES[base].rstrip()
    for length in range(content.index(b"$EndElements"), len(content)):
        if content[:length].rstrip().endswith((b"$EndElements", b"$EndNodeData", b"$EndElementData")):
            load(content[:length])
            continue
        with pytest.raises(MeshError):
            load(content[:length])


@pytest.mark.filterwarnings("ignore:.*(mm across|have the same step|ElementNodeData)")
@pytest.mark.parametrize("base", BASES)
def test_changed_bytes_give_a_mesh_or_a_typed_error(load, base):
    rng = np.random.default_rng(21)
    start = BASES[base].index(b"$EndElements")
    refused = 0
    for _ in range(300):
        content = bytearray(BASES[base])
        for place in rng.integers(start, len(content), rng.integers(1, 4)):
            content[place] = rng.choice([rng.integers(256), 0, 255, ord(" "), ord("9"), ord("-"), ord("\n")])
        try:
            mesh = load(bytes(content))
        except MeshError:
            refused += 1
        else:
            assert all(len(values) == 2 for values in mesh.element_data.values())
            assert all(len(values) == 5 for values in mesh.node_data.values())
    assert refused > 50
