# SPDX-License-Identifier: BSD-3-Clause
"""Heads and poses that would put a coil where nobody meant it, in a word."""

import functools

import numpy as np
import pytest
from given.navigation_files import LOCALITE, xml_matrix

import headfield as hf
from headfield.geometry.surface import Surface
from headfield.placement.place import place_on_surface
from headfield.poses.read import read_pose_list

TOP = ([0, 0, 95], [0, 50, 95])


@functools.cache
def ball():
    return hf.sphere_mesh(radii_mm=[80, 90], tags=[1, 5], edge_mm=14)


def test_a_coil_that_faces_away_does_not_retreat_through_the_head():
    coil = hf.figure_of_eight(spacing_mm=8.0)
    pose = hf.place(ball(), *TOP)
    away = pose @ np.diag([1.0, -1, -1, 1])
    away[:3, 3] += [0, 0, -10]
    with pytest.raises(hf.PoseError, match="turns its back to the head"):
        hf.retreat(ball(), coil, away, 4.0)
    for depth in (5, 30, 80):
        pushed = pose.copy()
        pushed[2, 3] -= depth
        back = hf.retreat(ball(), coil, pushed, 4.0)
        assert abs(back[2, 3] - hf.retreat(ball(), coil, pose, 4.0)[2, 3]) < 2


def test_air_around_a_head_is_not_its_skin():
    mesh = hf.sphere_mesh(radii_mm=[80, 90, 120], tags=[1, 5, -1], edge_mm=14)
    assert np.linalg.norm(mesh.nodes_mm[mesh.skin()], axis=2).max() < 90.001
    assert abs(hf.place(mesh, *TOP)[2, 3] - 94) < 0.5
    with pytest.raises(hf.MeshError, match="electrodes, gel and air"):
        hf.sphere_mesh(radii_mm=[80], tags=[-1], edge_mm=20).skin()


def test_the_cuts_of_a_part_are_said():
    part = ball().crop(box_mm=[[-200, -200, 40], [200, 200, 200]])
    assert part.is_part
    assert not ball().is_part
    with pytest.warns(UserWarning, match="place coils on the skin of the whole head"):
        hf.place(part, *TOP)
    model = hf.HeadModel(part)
    model.solve(hf.figure_of_eight(spacing_mm=8.0), hf.place(ball(), *TOP))  # without a word


def test_a_part_keeps_the_way_back_to_the_head(tmp_path):
    part = ball().crop(tags=[1])
    hf.write_mesh(tmp_path / "part.npz", part)
    back = hf.read_mesh(tmp_path / "part.npz")
    np.testing.assert_array_equal(back.element_ids, np.flatnonzero(ball().tags == 1))
    np.testing.assert_array_equal(back.node_ids, part.node_ids)


def test_a_closed_surface_that_is_wound_inward_is_refused():
    faces = ball().skin()
    pose = place_on_surface(ball().nodes_mm, faces, *TOP)
    assert pose[2, 2] < -0.99
    with pytest.raises(hf.MeshError, match="wound inward: reverse its faces"):
        place_on_surface(ball().nodes_mm, faces[:, ::-1], *TOP)
    open_cap = faces[ball().nodes_mm[faces][:, :, 2].min(axis=1) > 20]
    assert not Surface(ball().nodes_mm, open_cap[:, ::-1]).is_wound_inward  # nobody can tell


BRAINSIGHT = "# Version: 7\n# Coordinate system: NIfTI:Scanner\n"
COLUMNS = "Loc. X\tLoc. Y\tLoc. Z\tm0n0\tm0n1\tm0n2\tm1n0\tm1n1\tm1n2\tm2n0\tm2n1\tm2n2"
NUMBERS = "-80.000\t-5.000\t30.000\t0.000\t0.000\t1.000\t0.000\t1.000\t0.000\t-1.000\t0.000\t0.000"


def test_brainsight_names_may_begin_with_a_hash(tmp_path):
    rows = [f"{name}\t{NUMBERS}" for name in ("a", "#2 M1", "c")]
    text = f"{BRAINSIGHT}# Target Name\t{COLUMNS}\n{rows[0]}\n{rows[1]}\n# a comment\n{rows[2]}\n"
    (tmp_path / "targets.txt").write_text(text)
    assert read_pose_list(tmp_path / "targets.txt").names == ("a", "#2 M1", "c")


def test_localite_markers_that_are_not_set_need_no_numbers(tmp_path):
    unset = '<InstrumentMarker><Marker set="False"/></InstrumentMarker>'
    good = f'<InstrumentMarker><Marker set="true">{xml_matrix(LOCALITE)}</Marker></InstrumentMarker>'
    text = f'<InstrumentMarkerList coordinateSpace="ras">{unset}{good}</InstrumentMarkerList>'
    (tmp_path / "markers.xml").write_text(text)
    with pytest.warns(UserWarning, match="1 of 2 InstrumentMarkers are not set"):
        assert len(read_pose_list(tmp_path / "markers.xml")) == 1


def test_several_rates_of_a_mat_position_are_said(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    position = {"matsimnibs": np.diag([1.0, -1, -1, 1]), "didt": np.array([1e6, 2e6]), "name": "M1"}
    scipy_io.savemat(tmp_path / "two.mat", {"type": "TMSLIST", "pos": [position]})
    with pytest.warns(UserWarning, match="has 2 values of dI/dt, one for each stimulator: they are not read"):
        assert read_pose_list(tmp_path / "two.mat").didt is None


def test_the_head_in_a_subject_folder_is_not_overwritten(tmp_path, capsys):
    from headfield.commands import main as cli

    folder = tmp_path / "m2m_x"
    folder.mkdir()
    hf.write_mesh(folder / "x.msh", ball())
    before = (folder / "x.msh").read_bytes()
    hf.figure_of_eight(spacing_mm=8.0).write(tmp_path / "c.ccd")
    np.save(tmp_path / "p.npy", hf.place(ball(), *TOP))
    words = ["solve", folder, tmp_path / "c.ccd", tmp_path / "p.npy", "-o", folder / "x.msh", "-q"]
    assert cli.main([str(w) for w in words]) == 1
    assert "is an input" in capsys.readouterr().err
    assert (folder / "x.msh").read_bytes() == before
    words[-2] = tmp_path / "f.msh"
    assert cli.main([str(w) for w in [*words, "--didt", "-70e6"]]) == 0
