# SPDX-License-Identifier: BSD-3-Clause
"""One bad item doesn't spoil a list: what is left out of pose files, what is refused, and how it is said."""

import json
import re

import numpy as np
import pytest
import scipy.io
from given.commands import fails
from given.navigation_files import (
    BRAINSIGHT,
    BRAINSIGHT_ROW,
    COLUMNS,
    CSV,
    LOCALITE,
    LOCALITE_LPS,
    POSE,
    SOFTAXIC,
    TARGET,
    xml_matrix,
)

import headfield as hf
from headfield.commands import main as cli

NAN, ZERO = np.full((4, 4), np.nan), np.zeros((4, 4))
SHEARED = np.array(LOCALITE) + [[0, 0.1, 0, 0], [0] * 4, [0] * 4, [0] * 4]
MIRRORED = np.array(LOCALITE) * [-1.0, 1, 1, 1]


def instruments(*markers, space="RAS"):
    """InstrumentMarkers of names and matrices; a name of None for one that is not set."""
    text = "".join(
        f'<InstrumentMarker><Marker description="{name}">{xml_matrix(matrix)}</Marker></InstrumentMarker>'
        for name, matrix in markers
    )
    return f'<InstrumentMarkerList coordinateSpace="{space}">{text}</InstrumentMarkerList>'


def gum(*elements, space="RAS"):
    """A GUMMarkerList of types, names and matrices."""
    text = "".join(
        f'<Element type="{kind}"><{kind} description="{name}">{xml_matrix(matrix)}</{kind}></Element>'
        for kind, name, matrix in elements
    )
    return f'<GUMMarkerList coordinateSpace="{space}">{text}</GUMMarkerList>'


def brainsight_row(name, value):
    return name + f"\t{value}" * 12 + "\n"


def softaxic_point(name, value):
    keys = [*(f"m{i}{j}" for i in range(3) for j in range(3)), *"xyz"]
    return f'<fmp id="{name}"><fp ' + " ".join(f'{key}="{value}"' for key in keys) + "/></fmp></fmpm>"


def visor_target(name, rows):
    return {"CoilTarget": TARGET | {"Name": name, "CoilPose": {"RigidTransformMatrix4x4": rows.tolist()}}}


# Files with the pose M1 and others that are lost, and how the others are said.
LOST = {
    "nan.xml": (instruments(("M1", LOCALITE), ("lost", NAN)), "lost", "not finite"),
    "zero.xml": (instruments(("M1", LOCALITE), ("lost", ZERO)), "lost", "zeros only"),
    "identity.xml": (instruments(("M1", LOCALITE), ("lost", np.eye(4))), "lost", "the identity matrix"),
    "lps.xml": (instruments(("M1", LOCALITE_LPS), ("lost", NAN), space="LPS"), "lost", "not finite"),
    "gum.xml": (gum(("InstrumentMarker", "M1", LOCALITE), ("Entry", "E1", LOCALITE)), "E1", "another type"),
    "nan.txt": (BRAINSIGHT + brainsight_row("lost", "nan"), "lost", "not finite"),
    "zero.txt": (BRAINSIGHT + brainsight_row("lost", "0.000"), "lost", "zeros only"),
    "null.txt": (BRAINSIGHT + brainsight_row("lost", "(null)"), "lost", r"no pose \(\(null\)\)"),
    "axes.txt": (BRAINSIGHT + "lost\t1\t2\t3" + "\t(null)" * 9 + "\n", "lost", "no axes"),
    "ind.txt": (BRAINSIGHT + brainsight_row("lost", "-nan(ind)"), "lost", "not finite"),
    "qnan.txt": (BRAINSIGHT + brainsight_row("lost", "1.#QNAN0"), "lost", "not finite"),
    "java.xml": (
        instruments(("M1", LOCALITE), ("lost", NAN)).replace("nan", "Infinity"),
        "lost",
        "not finite",
    ),
    "nan.stmpx": (SOFTAXIC.replace("</fmpm>", softaxic_point("lost", "nan")), "lost", "not finite"),
    "zero.stmpx": (SOFTAXIC.replace("</fmpm>", softaxic_point("lost", "0")), "lost", "zeros only"),
    "nan.mrk": (
        json.dumps({"TargetMarkers": [visor_target("M1", POSE), visor_target("lost", NAN)]}),
        "lost",
        "not finite",
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_lost_markers_are_left_out_with_their_names(tmp_path, name):
    content, lost, reason = LOST[name]
    (tmp_path / name).write_text(content)
    with pytest.warns(UserWarning, match=rf"{name}: 1 of 2 .*{reason}.*: left out: {lost}"):
        found = hf.read_pose_list(tmp_path / name)
    np.testing.assert_array_equal(found.poses, POSE[None])
    assert (found.names, found.indices) == (("M1",), (0,))
    assert [(one.index, one.name) for one in found.left_out] == [(1, lost)]


def test_if_nothing_is_left_each_reason_is_said(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(instruments(("a", NAN), ("b", ZERO), ("c", np.eye(4))))
    said = "have the identity matrix (1) or have zeros only (1) or are not finite (1)"
    with pytest.raises(hf.PoseError, match=re.escape(f"no poses in this file: 3 InstrumentMarkers {said}")):
        hf.read_poses(path)


def test_what_is_left_out_is_counted_in_the_file(tmp_path):
    (tmp_path / "a.xml").write_text(
        instruments(("a", NAN), ("b", LOCALITE), ("", ZERO), ("d", SHEARED), ("e", LOCALITE))
    )
    with pytest.warns(UserWarning, match="a.xml: . of 5 InstrumentMarkers") as said:
        found = hf.read_pose_list(tmp_path / "a.xml", skip_bad=True)
    assert (found.names, found.indices) == (("b", "e"), (1, 4))
    assert [one.index for one in found.left_out] == [0, 2, 3]
    assert "2 of 5 InstrumentMarkers have zeros only (1) or are not finite (1): left out: a, number 2" in str(
        said[0].message
    )
    assert "1 of 5 InstrumentMarkers are refused and left out: d (axes not orthonormal, off by 0.1" in str(
        said[1].message
    )


class TestRefused:
    @pytest.mark.parametrize(("bad", "words"), [(SHEARED, "off by 0.1 "), (MIRRORED, "left-handed")])
    def test_by_name_unless_it_is_to_be_left_out(self, tmp_path, bad, words):
        path = tmp_path / "a.xml"
        path.write_text(instruments(("M1", LOCALITE), ("M2", bad)))
        with pytest.raises(
            hf.PoseError, match=rf"pose 1 \(M2\) of 2: .*{words}.*skip_bad=True \(--skip-bad\)"
        ):
            hf.read_poses(path)
        with pytest.warns(UserWarning, match=rf"1 of 2 .* left out: M2 \(.*{words}"):
            np.testing.assert_array_equal(hf.read_poses(path, skip_bad=True), POSE[None])

    def test_the_nearest_rotation_of_what_has_one(self, tmp_path):
        path = tmp_path / "a.xml"
        path.write_text(instruments(("M1", np.array(LOCALITE) * [2.0, 2, 2, 1]), ("M2", MIRRORED)))
        with pytest.raises(hf.PoseError, match=r"pose 1 \(M2\) of 2: left-handed"):
            hf.read_poses(path, nearest_rotation=True)
        with pytest.warns(UserWarning, match=r"left out: M2 \(left-handed"):
            found = hf.read_pose_list(path, nearest_rotation=True, skip_bad=True)
        np.testing.assert_allclose(found.poses, POSE[None], atol=1e-15)

    @pytest.mark.parametrize("name", ["a.npy", "a.csv", "b.csv", "a.mat"])
    def test_what_is_no_number_in_arrays_and_tables(self, tmp_path, name):
        """Somebody made them, perhaps with a dI/dt for each pose: they don't lose one without being asked."""
        poses = np.stack([POSE, NAN, POSE])
        path = tmp_path / name
        if name == "a.npy":
            np.save(path, poses)
        elif name == "a.csv":
            np.savetxt(path, poses.reshape(3, 16), delimiter=",")
        elif name == "b.csv":
            path.write_text(CSV + CSV.splitlines()[1].replace("-80", "nan") + "\n" + CSV.splitlines()[1])
        else:
            scipy.io.savemat(path, {"matsimnibs": np.moveaxis(poses, 0, 2)})
        with pytest.raises(hf.PoseError, match=r"pose 1 (\(M1\) )?of 3: \d+ of 16 entries are not finite"):
            hf.read_poses(path)
        with pytest.warns(UserWarning, match=r"1 of 3 poses .* left out: (number 1|M1) \(\d+ of 16"):
            found = hf.read_pose_list(path, skip_bad=True)
        np.testing.assert_array_equal(found.poses, [POSE, POSE])
        assert found.indices == (0, 2)


class TestGumMarkers:
    def test_the_same_as_instrument_markers(self, tmp_path):
        for space, matrix in (("RAS", LOCALITE), ("LPS", LOCALITE_LPS)):
            (tmp_path / "a.xml").write_text(gum(("InstrumentMarker", "M1", matrix), space=space))
            found = hf.read_pose_list(tmp_path / "a.xml")
            np.testing.assert_array_equal(found.poses, POSE[None])
            assert (found.names, found.kind) == (("M1",), f"Localite GUMMarkers, {space}")

    def test_refused(self, tmp_path):
        (tmp_path / "a.xml").write_text(gum(("Entry", "E1", LOCALITE)))
        with pytest.raises(
            hf.PoseError, match=r"no poses in this file: 1 Elements have another type \(Entry"
        ):
            hf.read_poses(tmp_path / "a.xml")
        (tmp_path / "a.xml").write_text(gum(("InstrumentMarker", "M1", LOCALITE), space="MNI"))
        with pytest.raises(hf.PoseError, match="coordinateSpace is 'MNI'"):
            hf.read_poses(tmp_path / "a.xml")


class TestTargetsWithoutAxes:
    TAP = (
        "# Version: 12\n# Coordinate system: NIfTI:Scanner\n# Target Name\tLoc. X\tLoc. Y\tLoc. Z\n"
        f"T1\t1.0\t2.0\t3.0\n# Sample Name\tSession Name\t{COLUMNS}\nS1\tA\t{BRAINSIGHT_ROW[3:]}\n"
    )

    def test_beside_samples(self, tmp_path):
        (tmp_path / "a.txt").write_text(self.TAP)
        with pytest.warns(UserWarning, match="1 of 2 rows have no axes: left out: T1"):
            found = hf.read_pose_list(tmp_path / "a.txt")
        np.testing.assert_array_equal(found.poses, POSE[None])
        assert (found.names, found.indices) == (("S1",), (1,))
        assert hf.read_pose_list(tmp_path / "a.txt", which="samples").left_out == ()
        with pytest.raises(hf.PoseError, match="no poses in this file: 1 rows have no axes"):
            hf.read_pose_list(tmp_path / "a.txt", which="targets")


class TestCommandLine:
    """What `--skip-bad`, `--which` and `--scan` of info, convert and solve do."""

    @pytest.fixture
    def sheared(self, tmp_path):
        (tmp_path / "a.xml").write_text(instruments(("M1", LOCALITE), ("lost", NAN), ("M2", SHEARED)))
        return str(tmp_path / "a.xml")

    def test_info_shows_what_it_can(self, sheared, capsys):
        assert cli.main(["info", sheared]) == 0
        out, err = capsys.readouterr()
        assert "poses         1\n" in out
        assert "left out      2: lost (not finite), M2 (axes not orthonormal, off by 0.1" in out
        assert "other commands refuse this file: " in err
        assert cli.main(["info", sheared, "--skip-bad", "--json"]) == 0
        out, err = capsys.readouterr()
        assert [one["index"] for one in json.loads(out)["left_out"]] == [1, 2]
        assert "refuse this file" not in err

    def test_info_of_what_is_to_be_placed(self, tmp_path, capsys):
        path = str(tmp_path / "a.mat")
        scipy.io.savemat(path, {"pos": {"name": "M1", "centre": "C3", "pos_ydir": [-46.0, 42, 70]}})
        assert cli.main(["info", path]) == 0
        out, _ = capsys.readouterr()
        assert "M1            C3, towards -46.0 42.0 70.0 mm, 4 mm off the scalp" in out
        fails(capsys, ["convert", path, str(tmp_path / "b.csv")], "has no matsimnibs", "headfield.place")

    def test_convert(self, sheared, tmp_path, capsys):
        target = str(tmp_path / "b.csv")
        fails(capsys, ["convert", sheared, target], "pose 2 (M2) of 3: axes not orthonormal", "--skip-bad")
        assert cli.main(["convert", sheared, target, "--skip-bad"]) == 0
        assert hf.read_pose_list(target).names == ("M1",)

    def test_solve(self, sheared, tmp_path, capsys):
        head, coil, out = (str(tmp_path / name) for name in ("head.msh", "coil.ccd", "out.h5"))
        mesh = hf.sphere_mesh(radii_mm=[60, 75], tags=[2, 5], edge_mm=30)
        hf.write_mesh(head, mesh)
        hf.write_coil(coil, hf.Coil([[0, 0, -5.0]], [[0, 0, 1e-3]]))
        words = ["solve", head, coil, sheared, "-o", out, "-q", "--no-plausibility", "--device", "cpu"]
        fails(capsys, words, "pose 2 (M2) of 3")
        assert cli.main([*words, "--skip-bad"]) == 0
        np.testing.assert_array_equal(hf.read_result(out).poses, POSE[None])

    def test_which_by_an_index_or_a_coil(self, tmp_path, capsys):
        lists = np.empty((1, 2), object)
        for index, name in enumerate("AB"):
            position = {"name": name, "matsimnibs": POSE}
            lists[0, index] = {"type": "TMSLIST", "fnamecoil": f"{name}.ccd", "pos": position}
        session, target = str(tmp_path / "a.mat"), str(tmp_path / "b.csv")
        scipy.io.savemat(session, {"type": "SESSION", "poslist": lists})
        for which, name in (("1", "B"), ("A.ccd", "A")):
            assert cli.main(["convert", session, target, "--which", which]) == 0
            assert hf.read_pose_list(target).names == (name,)
        capsys.readouterr()
        assert cli.main(["info", session]) == 0
        out, err = capsys.readouterr()
        assert "coils         A.ccd, B.ccd" in out
        assert "2 TMSLISTs with the coils A.ccd, B.ccd" in err

    def test_options_for_poses_only(self, tmp_path, capsys):
        hf.write_coil(tmp_path / "coil.ccd", hf.Coil([[0, 0, -5.0]], [[0, 0, 1e-3]]))
        words = ["convert", str(tmp_path / "coil.ccd"), str(tmp_path / "b.tcd"), "--skip-bad"]
        fails(capsys, words, "skip_bad is not an option for the kind coil")


class TestNamesAndRates:
    def test_a_pose_without_a_name_is_named_by_its_place_in_the_file(self, tmp_path):
        np.save(tmp_path / "p.npy", [POSE, NAN, POSE])
        with pytest.warns(UserWarning, match="number 1"):
            found = hf.read_pose_list(tmp_path / "p.npy", skip_bad=True)
        assert found.names == ("pose 0", "pose 2")

    @pytest.mark.parametrize("response", ["", "-", "null"])
    def test_a_pulse_without_a_response_does_not_spoil_the_file(self, tmp_path, response):
        path = tmp_path / "t.xml"
        hf.write_poses(path, [POSE, POSE], names=["a", "b"], didt=[62e6, 63e6])
        path.write_text(path.read_text().replace('"62.0"', f'"{response}"'))
        with pytest.warns(UserWarning, match="dI/dt of 1 of 2 poses is missing: none is read"):
            found = hf.read_pose_list(path)
        assert (found.names, found.didt) == (("a", "b"), None)
