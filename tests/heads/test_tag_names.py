# SPDX-License-Identifier: BSD-3-Clause
"""Names of tissues in files, numbers that are none of tissues, and where a file keeps its tissues."""

import pickle
import re

import numpy as np
import pytest
from given.gmsh_files import ELEMENTS, msh22, msh41

import headfield as hf
from headfield.heads.mesh import TetMesh
from headfield.heads.names import meaning
from headfield.heads.standard import conductivity_of

ORDERS = pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
NAMES = b'$PhysicalNames\n3\n2 2 "outer surface"\n3 2 "scalp"\n3 -1 "Air"\n$EndPhysicalNames\n'


def named(content: bytes, names: bytes = NAMES) -> bytes:
    """A Gmsh file with names of groups: they come after the format."""
    content = re.sub(rb"\$PhysicalNames.*?\$EndPhysicalNames\n", b"", content, flags=re.DOTALL)
    return content.replace(b"$EndMeshFormat\n", b"$EndMeshFormat\n" + names, 1)


def ball(tags=(2, 3, 5), **options):
    return hf.sphere_mesh(radii_mm=[70, 80, 92], tags=list(tags), edge_mm=24, **options)


def with_names(mesh, names):
    return TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, tag_names=names)


class TestPhysicalNames:
    @ORDERS
    @pytest.mark.parametrize("make", [msh22, msh41])
    def test_are_read_and_compared_with_the_table(self, load, order, make):
        with pytest.warns(
            UserWarning, match="tag 2 is called 'scalp' in the file and taken as gray matter"
        ) as said:
            mesh = load(named(make(order)))
        assert "(0.275 S/m): read_mesh(path, tags={2: 5}) or --tags 2=5" in str(said[0].message)
        assert mesh.tag_names == {2: "scalp", -1: "Air"}  # not that of the surface
        assert mesh.check().names == ("names_contradict",)
        right = load(named(make(order)), tags={2: 5})
        assert (right.tags.tolist(), right.tag_names) == ([5, -1], {5: "scalp", -1: "Air"})

    @ORDERS
    @pytest.mark.parametrize("make", [msh22, msh41])
    def test_groups_that_nothing_belongs_to_are_an_error(self, load, order, make):
        elements = [(kind, (0, *tags[1:]), corners) for kind, tags, corners in ELEMENTS]
        content = named(make(order, groups=False) if make is msh41 else make(order, elements=elements))
        with pytest.raises(
            hf.MeshError, match=r"no tetrahedron belongs to a physical group.*2 'scalp'.*tags=\{"
        ):
            load(content)
        (error,) = load(content, check=False).check().errors
        assert error.name == "entity_numbers"
        assert f"--tags {11 if make is msh41 else -1}=" in error.message
        numbers = {11: 2, 12: 3} if make is msh41 else {2: 2, -1: 3}
        assert load(content, tags=numbers).tags.tolist() == [2, 3]

    @ORDERS
    def test_entity_numbers_are_said_in_4_1(self, load, order):
        with pytest.warns(
            UserWarning, match="no physical groups: the entity numbers 11, 12 are taken as tissue"
        ):
            load(named(msh41(order, groups=False), b""))

    def test_several_groups_of_a_volume(self, load):
        volume = " ".join(["12", *["0.0"] * 6, "2", "-1", "7", "1", "7"])
        content = msh41("").decode()
        content = content.replace(" ".join(["12", *["0.0"] * 6, "1", "-1", "1", "7"]), volume)
        with pytest.warns(UserWarning, match="volumes that belong to several physical groups: 1"):
            assert load(content.encode()).tags.tolist() == [2, -1]

    def test_damaged_names_stop_nothing(self, load):
        names = b'$PhysicalNames\n2\n3 2 "gray\xff\x00matter\nnonsense\n$EndPhysicalNames\n'
        with pytest.warns(UserWarning, match="1 lines of .PhysicalNames are not understood"):
            mesh = load(named(msh22("<"), names))
        assert mesh.tag_names == {2: "gray\ufffd matter"}

    @pytest.mark.parametrize("name", ["a.msh", "a.npz"])
    def test_survive(self, tmp_path, name):
        mesh = with_names(ball(), {2: "Gray matter (left)", 5: "Kopfhäute"})
        for same in (mesh, pickle.loads(pickle.dumps(mesh)), mesh.crop(tags=[2, 3])):
            same.write(tmp_path / name)
            back = hf.read_mesh(tmp_path / name)
            assert back.tag_names == same.tag_names == mesh.tag_names
        with pytest.raises(TypeError):
            mesh.tag_names[2] = "x"

    @pytest.mark.parametrize("names", [{1.5: "x"}, {1: ""}, {1: 'a "b"'}, {1: "a\nb"}, ["x"]])
    def test_bad_names(self, names):
        with pytest.raises(hf.MeshError, match="tag_names"):
            with_names(ball(), names)


@pytest.mark.parametrize(
    ("names", "tag"),
    [
        ("white matter|WM|White_Matter|WHITE|Cerebral white matter", 1),
        ("gray matter|Grey-Matter|GM|GRAY|cortex|tissue 2 GM", 2),
        ("csf|CSF|Cerebro-Spinal Fluid", 3),
        ("skull|Bone|BONE volume|cranium", 4),
        ("scalp|skin|SKIN|Scalp_Volume|soft tissue", 5),
        ("eye balls|Eyes", 6),
        ("compact bone", 7),
        ("spongy_bone", 8),
        ("brain", 2),
        ("air|AIR|sinuses", -1),
        ("GEL|Saline_or_gel", 500),
        ("ELECTRODE 3|Electrode_rubber", 100),
    ],
)
def test_what_names_mean(names, tag):
    for name in names.split("|"):
        known = meaning(name)
        assert known is not None, name
        assert known.suggested == tag, name
        assert tag in known.tags


@pytest.mark.parametrize("name", ["scalp electrode", "white noise", "Part-1", "whole head", "", "組織"])
def test_names_that_mean_nothing_certain(name):
    assert meaning(name) is None


class TestConductivity:
    """A standard value is never taken for a tag that means something else."""

    def test_of_contradicting_names(self):
        mesh = with_names(ball([1, 2, 3]), {1: "scalp", 2: "CSF", 3: "lobe"})
        with pytest.raises(
            hf.ConductivityError,
            match=r"tag 1, called 'scalp' in the file, which is white matter .0\.126 S/m. in",
        ):
            hf.HeadModel(mesh)
        np.testing.assert_array_equal(
            conductivity_of(mesh, {1: 0.5, 2: 1.5}), np.array([0, 0.5, 1.5, 1.654])[mesh.tags]
        )
        assert conductivity_of(mesh, 0.3).min() == 0.3

    def test_of_no_tissues_leads_to_the_field_that_has_them(self):
        mesh = ball()
        labels = {"labels": mesh.tags, "E": np.zeros((mesh.n_tets, 3)), "half": np.full(mesh.n_tets, 0.5)}
        bare = TetMesh(mesh.nodes_mm, mesh.tets, element_data=labels)
        with pytest.raises(
            hf.ConductivityError, match=r"all its tags are 0; the cell data 'labels' \(2, 3, 5\) may be"
        ):
            hf.HeadModel(bare)
        assert conductivity_of(bare, {0: 0.3}).max() == 0.3
        with pytest.raises(hf.ConductivityError, match="tag them, or give one conductivity"):
            hf.HeadModel(TetMesh(mesh.nodes_mm, mesh.tets))


meshio = pytest.importorskip("meshio")


def write(path, mesh, sets=None, **cell_data):
    content = meshio.Mesh(
        mesh.nodes_mm,
        [("tetra", mesh.tets)],
        cell_data={name: [values] for name, values in cell_data.items()},
        cell_sets={name: [np.flatnonzero(mask)] for name, mask in (sets or {}).items()},
    )
    meshio.write(path, content)


class TestFields:
    @pytest.mark.parametrize(
        "name",
        [
            "labels",
            "Label",
            "region",
            "RegionId",
            "scalars",
            "name_to_read",
            "ElementData",
            "cell_ids",
            "color",
        ]
        + ["gmsh:geometrical", "CellEntityIds"],
    )
    def test_are_offered_and_can_be_named(self, tmp_path, name):
        mesh = ball()
        write(tmp_path / "a.vtu", mesh, **{name: mesh.tags, "magnE": np.linspace(0, 1, mesh.n_tets)})
        with pytest.warns(UserWarning, match=re.escape(f"the cell data {name!r} (2, 3, 5) may be them")):
            assert not hf.read_mesh(tmp_path / "a.vtu").tags.any()
        read = hf.read_mesh(tmp_path / "a.vtu", tags=name)
        np.testing.assert_array_equal(read.tags, mesh.tags)
        assert list(read.element_data) == ["magnE"]
        read = hf.read_mesh(tmp_path / "a.vtu", tags=(name, {5: 4}))
        np.testing.assert_array_equal(read.tags, np.where(mesh.tags == 5, 4, mesh.tags))

    @pytest.mark.parametrize("name", ["Tissue", "tissue_type", "MaterialIds", "material_id"])
    def test_that_are_called_tissue_are_taken_and_said(self, tmp_path, name):
        mesh = ball()
        write(tmp_path / "a.vtu", mesh, **{name: mesh.tags})
        with pytest.warns(UserWarning, match=f"the cell data '{name}' is taken as tissue tags"):
            np.testing.assert_array_equal(hf.read_mesh(tmp_path / "a.vtu").tags, mesh.tags)

    @pytest.mark.parametrize("name", ["tetgen:ref", "nastran:ref"])
    def test_of_formats_are_known(self, tmp_path, name):
        mesh = ball()
        write(tmp_path / "a.vtu", mesh, **{name: mesh.tags})
        np.testing.assert_array_equal(hf.read_mesh(tmp_path / "a.vtu").tags, mesh.tags)

    def test_of_an_npz(self, tmp_path):
        mesh = ball()
        np.savez(
            tmp_path / "a.npz", nodes=mesh.nodes_mm, tets=mesh.tets, elem_label=mesh.tags, names=["GM", "CSF"]
        )
        with pytest.warns(UserWarning, match=r"the cell data 'elem_label' \(2, 3, 5\) may be them"):
            hf.read_mesh(tmp_path / "a.npz")
        np.testing.assert_array_equal(hf.read_mesh(tmp_path / "a.npz", tags="elem_label").tags, mesh.tags)

    def test_that_are_all_0_hide_no_other(self, tmp_path):
        mesh = ball()
        write(tmp_path / "a.vtu", mesh, **{"tags": 0 * mesh.tags, "medit:ref": mesh.tags})
        np.testing.assert_array_equal(hf.read_mesh(tmp_path / "a.vtu").tags, mesh.tags)

    @pytest.mark.parametrize(
        ("tags", "said"),
        [
            ("label", "no cell data 'label' to take the tissues from; those that could be them: 'labels'"),
            ("1=scalp", "could be them: 'labels'; new numbers are given as 1=5,2=3 (--tags)"),
            ("magnE", "'magnE' is not whole numbers of few values"),
            ({9: 1}, "no tetrahedron has the tag 9; there are [0]"),
            ({0: 1.5}, "not a pair of tags"),
            (7, "tags must be the name of a field"),
        ],
    )
    def test_wrong_choices(self, tmp_path, tags, said):
        mesh = ball()
        write(tmp_path / "a.vtu", mesh, labels=mesh.tags, magnE=np.linspace(0, 1, mesh.n_tets))
        with pytest.raises(hf.MeshError, match=re.escape(said)):
            hf.read_mesh(tmp_path / "a.vtu", tags=tags)

    def test_triangles_follow_the_numbers(self, tmp_path):
        mesh = ball([1, 2, 3])
        skin = mesh.boundary()
        mesh = TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, skin, np.full(len(skin), 1003))
        mesh.write(tmp_path / "a.msh")
        assert set(hf.read_mesh(tmp_path / "a.msh", tags={3: 5, 2: 3, 1: 2}).triangle_tags.tolist()) == {1005}


class TestSets:
    def test_of_known_tissues_become_these(self, tmp_path):
        mesh = ball()
        sets = {"GRAY_MATTER": mesh.tags == 2, "Csf": mesh.tags == 3, "SKIN": mesh.tags == 5}
        write(tmp_path / "a.inp", mesh, sets | {"WHOLE_HEAD": mesh.tags > 0})
        with pytest.warns(
            UserWarning, match="2 'GRAY_MATTER', 3 'Csf', 5 'SKIN', by their names; left out.*WHOLE"
        ):
            read = hf.read_mesh(tmp_path / "a.inp")
        np.testing.assert_array_equal(read.tags, mesh.tags)
        assert read.tag_names == {2: "GRAY_MATTER", 3: "Csf", 5: "SKIN"}

    def test_of_other_names_are_counted_and_have_no_standard_value(self, tmp_path):
        mesh = ball()
        write(tmp_path / "a.inp", mesh, {"Part-1": mesh.tags == 5, "Part-2": mesh.tags < 5})
        with pytest.warns(UserWarning, match="1 'Part-1', 2 'Part-2', in the order of the file"):
            read = hf.read_mesh(tmp_path / "a.inp")
        np.testing.assert_array_equal(read.tags, np.where(mesh.tags == 5, 1, 2))
        with pytest.raises(
            hf.ConductivityError, match=r"no conductivity for tags 1 'Part-1', 2 'Part-2': the file"
        ):
            hf.HeadModel(read)
        assert conductivity_of(read, {1: 0.4, 2: 0.3}).max() == 0.4
        told = hf.read_mesh(tmp_path / "a.inp", tags={1: 5, 2: 2})
        assert conductivity_of(told, None).min() == 0.275

    @pytest.mark.parametrize("known", [True, False])
    def test_that_overlap(self, tmp_path, known):
        """A region within a tissue takes nothing from it, and a set of several tissues hides none of them."""
        mesh = ball()
        up = mesh.barycentres_mm()[:, 2] > 40
        names = ("GM", "CSF", "scalp") if known else ("P1", "P2", "P3")
        sets = {name: mesh.tags == tag for name, tag in zip(names, (2, 3, 5), strict=True)}
        others = [{"target": (mesh.tags == 2) & up}, {"all": mesh.tags > 0}, {"inner": mesh.tags < 5}]
        for other in [*others, others[0] | others[1] | others[2]] if known else others:
            write(tmp_path / "a.inp", mesh, other | sets)
            with pytest.warns(UserWarning, match="left out, as they overlap others: 'target'|'all'|'inner'"):
                read = hf.read_mesh(tmp_path / "a.inp")
            expected = mesh.tags if known else np.searchsorted([2, 3, 5], mesh.tags) + 1
            np.testing.assert_array_equal(read.tags, expected)
        write(tmp_path / "a.inp", mesh, {names[0]: mesh.tags == 2})
        finding = hf.read_mesh(tmp_path / "a.inp", check=False).check()[0]
        assert f"{(mesh.tags > 2).sum():,} tetrahedra are in none of them (tag 0)" in finding.message

    def test_generated_ranges(self, tmp_path):
        mesh = ball()
        order = np.argsort(mesh.tags, kind="stable")
        mesh = TetMesh(mesh.nodes_mm, mesh.tets[order], mesh.tags[order])
        write(tmp_path / "a.inp", mesh)
        ends = np.searchsorted(mesh.tags, [2, 3, 5], side="right")
        starts = [1, *(ends[:-1] + 1)]
        rows = zip(("GM", "CSF", "scalp"), starts, ends, strict=True)
        text = "".join(f"*Elset, elset={name}, generate\n{a}, {b}, 1\n" for name, a, b in rows)
        with (tmp_path / "a.inp").open("a") as file:
            file.write(text)
        with pytest.warns(UserWarning, match="element sets are taken as tissues"):
            np.testing.assert_array_equal(hf.read_mesh(tmp_path / "a.inp").tags, mesh.tags)

    @pytest.mark.parametrize("names", [[], ["scalp", "CSF", "gray matter"]], ids=["bare", "named"])
    def test_blocks_of_exodus(self, tmp_path, names):
        netcdf = pytest.importorskip("netCDF4", reason="meshio reads Exodus files with netCDF4")
        mesh = ball()
        blocks = [("tetra", mesh.tets[mesh.tags == tag]) for tag in (5, 3, 2)]
        meshio.write(tmp_path / "a.e", meshio.Mesh(mesh.nodes_mm, blocks))
        with netcdf.Dataset(tmp_path / "a.e", "a") as file:
            file.variables["connect1"].elem_type = "TETRA4"  # as Cubit says it
            if names:
                file.createVariable("eb_names", "S1", ("num_el_blk", "len_string"))
                for i, name in enumerate(names):
                    file["eb_names"][i, : len(name)] = list(name)
        said = (
            "5 'scalp', 3 'CSF', 2 'gray matter', by"
            if names
            else "1 'block 1', 2 'block 2', 3 'block 3', in"
        )
        with pytest.warns(UserWarning, match=f"the blocks are taken as tissues, {said}"):
            read = hf.read_mesh(tmp_path / "a.e")
        tags = (5, 3, 2) if names else (1, 2, 3)
        volume = [float(read.volumes_mm3()[read.tags == tag].sum()) for tag in tags]
        np.testing.assert_allclose(volume, [mesh.volumes_mm3()[mesh.tags == tag].sum() for tag in (5, 3, 2)])
