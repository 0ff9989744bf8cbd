# SPDX-License-Identifier: BSD-3-Clause
"""Names of tissues that don't fit their numbers, where a file or its reader says so in another way."""

import numpy as np
import pytest

import headfield as hf
from headfield.heads.mesh import TetMesh
from headfield.heads.standard import conductivity_of


def ball(tags=(2, 3, 5)):
    return hf.sphere_mesh(radii_mm=[70, 80, 92], tags=list(tags), edge_mm=24)


def with_names(mesh, names):
    return TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, tag_names=names)


def test_formats_that_do_not_keep_names_say_so(tmp_path):
    mesh = with_names(ball(), {2: "gray matter"})
    with pytest.warns(UserWarning, match=r"the names of tissues are not written, as \.vol files"):
        mesh.write(tmp_path / "ball.vol")
    assert hf.read_mesh(tmp_path / "ball.vol").tag_names == {}


class TestOtherNumbers:
    """Names and numbers that are those of another numbering."""

    def test_a_brain_that_is_one_tissue_is_offered_with_the_others(self):
        mesh = with_names(ball([1, 2, 3]), {1: "brain", 2: "skull", 3: "scalp"})
        (found,) = [one for one in mesh.check() if one.name == "names_contradict"]
        assert "--tags 1=2,2=4,3=5" in found.message
        assert with_names(ball([1, 3, 5]), {1: "brain", 3: "CSF", 5: "scalp"}).check().names == ()

    def test_names_of_groups_that_are_not_there(self):
        mesh = with_names(ball(), {11: "brain", 12: "CSF", 13: "scalp"})
        (found,) = mesh.check()
        assert (found.name, found.severity) == ("names_unused", "warning")
        assert "(11 'brain', 12 'CSF', 13 'scalp')" in found.message
        assert mesh.crop(tags=[2]).check().names == ()  # the others may be elsewhere

    def test_what_is_asked_for_goes_before_a_name(self, tmp_path):
        with_names(ball(), {2: "gray matter", 5: "scalp"}).write(tmp_path / "ball.npz")
        with pytest.warns(
            UserWarning, match="tag 1 is called 'gray matter' in the file; as asked, it is white"
        ):
            mesh = hf.read_mesh(tmp_path / "ball.npz", tags={2: 1})
        assert mesh.tag_names == {5: "scalp"}
        assert np.unique(conductivity_of(mesh, None)).tolist() == [0.126, 0.465, 1.654]

    def test_one_tissue_beside_a_field_of_several(self):
        mesh = ball()
        one = TetMesh(mesh.nodes_mm, mesh.tets, [5] * mesh.n_tets, element_data={"labels": mesh.tags})
        (found,) = one.check()
        assert found.name == "one_tissue"
        assert "the cell data 'labels' (2, 3, 5) may be them" in found.message


def test_a_field_is_offered_to_a_mapping_of_its_numbers(tmp_path):
    mesh = ball()
    np.savez(tmp_path / "ball.npz", nodes=mesh.nodes_mm, tets=mesh.tets, markers=mesh.tags[:, None])
    with pytest.raises(hf.MeshError, match=r"has the tag 2; there are \[0\].*'markers' \(2, 3, 5\) may be"):
        hf.read_mesh(tmp_path / "ball.npz", tags={2: 1})
    assert hf.read_mesh(tmp_path / "ball.npz", tags=("markers", {2: 1})).tags.min() == 1


def test_a_group_of_the_whole_head_is_no_tissue(load):
    content = b"""$MeshFormat
4.1 0 8
$EndMeshFormat
$Entities
0 0 0 2
1 0 0 0 1 1 1 2 9 2 0
2 0 0 0 1 1 1 2 9 5 0
$EndEntities
$Nodes
1 5 1 5
3 1 0 5
1 2 3 4 5
0 0 0 90 0 0 0 90 0 0 0 90 90 90 90
$EndNodes
$Elements
2 2 1 2
3 1 4 1
1 1 2 3 4
3 2 4 1
2 2 3 4 5
$EndElements
"""
    with pytest.warns(UserWarning, match="several physical groups: 2; that of the fewest volumes"):
        assert load(content).tags.tolist() == [2, 5]
