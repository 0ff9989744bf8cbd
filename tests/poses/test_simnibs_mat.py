# SPDX-License-Identifier: BSD-3-Clause
"""SimNIBS sessions, and the MATLAB 5 files that hold them."""

import struct
import sys
import time
import zlib

import numpy as np
import pytest
import scipy.io
from given.navigation_files import POSE, some_poses

import headfield as hf
from headfield.poses.formats.mat5 import read_mat5
from headfield.poses.pose_list import PoseList
from headfield.poses.read import is_pose_file, read_pose_list, read_poses
from headfield.poses.write import write_poses


def positions(**more):
    """A POSITION as SimNIBS has it."""
    return {"type": "POSITION", "name": "M1", "didt": 2e6, "matsimnibs": POSE} | more


TMS = {"type": "TMSLIST", "fnamecoil": "a.ccd", "pos": positions()}


class TestSimnibsMat:
    def read(self, tmp_path, content, **how) -> PoseList:
        scipy.io.savemat(tmp_path / "a.mat", content, **how)
        return read_pose_list(tmp_path / "a.mat")

    @pytest.mark.parametrize("compress", [False, True])
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_session(self, tmp_path, wrapped, compress):
        cell = np.empty((1, 2), object)
        cell[0, 0] = {"type": "TDCSLIST", "electrode": {"channelnr": 1}}
        cell[0, 1] = TMS
        session = {"type": "SESSION", "fnamehead": "ernie.msh", "poslist": cell}
        found = self.read(tmp_path, {"S": session} if wrapped else session, do_compression=compress)
        np.testing.assert_array_equal(found.poses, POSE[None])
        assert (found.names, found.didt.tolist(), found.kind) == (("M1",), [2e6], "SimNIBS session")

    def test_lists_and_positions_alone(self, tmp_path):
        for content in (TMS, {"t": TMS}, positions(), {"p": positions()}):
            found = self.read(tmp_path, content)
            np.testing.assert_array_equal(found.poses, POSE[None])
            assert (found.names, found.didt.tolist()) == (("M1",), [2e6])

    def test_matrices_alone(self, tmp_path):
        poses = some_poses(5).poses
        for matrices in (np.moveaxis(poses, 0, 2), poses[0]):
            found = self.read(tmp_path, {"matsimnibs": matrices, "other": "x"})
            np.testing.assert_array_equal(found.poses, poses[: len(found)])
            assert found.didt is None

    @pytest.mark.parametrize("count", [1, 3, 4])
    @pytest.mark.parametrize("name", ["matsimnibs", "M"])
    def test_matrices_along_either_axis(self, tmp_path, name, count):
        """Of four, the last rows tell; another variable beside them is no pose."""
        poses = some_poses(count).poses
        for matrices in (poses, np.moveaxis(poses, 0, 2)):
            found = self.read(tmp_path, {name: matrices, "didt": 1e6, "note": "x"})
            np.testing.assert_array_equal(found.poses, poses)
        with pytest.raises(hf.PoseError, match=r"shape \(3, 4, 5\), not \(4, 4\), \(k, 4, 4\)"):
            self.read(tmp_path, {"matsimnibs": np.zeros((3, 4, 5))})

    def test_a_cell_array_of_matrices(self, tmp_path):
        cell = np.empty((1, 3), object)
        cell[0] = [*some_poses(3).poses]
        np.testing.assert_array_equal(self.read(tmp_path, {"targets": cell}).poses, some_poses(3).poses)

    def test_two_arrays_that_could_be_poses(self, tmp_path):
        with pytest.raises(hf.PoseError, match=r"no poses in this file .*: a and b could be"):
            self.read(tmp_path, {"a": POSE, "b": POSE})

    def session(self, *lists) -> dict:
        cell = np.empty((1, len(lists)), object)
        cell[0] = lists
        return {"type": "SESSION", "poslist": cell}

    def test_several_coils_are_said_and_can_be_chosen(self, tmp_path):
        other = {"type": "TMSLIST", "fnamecoil": "C:\\coils\\b.ccd", "pos": positions(name="M2")}
        both = self.session(TMS, other)
        with pytest.warns(UserWarning, match=r"2 TMSLISTs with the coils a\.ccd, C:.*b\.ccd: .*which="):
            found = self.read(tmp_path, both)
        assert (found.names, found.coils) == (("M1", "M2"), ("a.ccd", "C:\\coils\\b.ccd"))
        for which, name in (("a.ccd", "M1"), ("b.ccd", "M2"), (0, "M1"), (1, "M2")):
            assert read_pose_list(tmp_path / "a.mat", which=which).names == (name,)
        for which in ("c.ccd", 2, "samples"):
            with pytest.raises(hf.PoseError, match="neither the index nor the coil of a TMSLIST"):
                read_pose_list(tmp_path / "a.mat", which=which)
        assert self.read(tmp_path, self.session(TMS, TMS)).names == ("M1", "M1")  # one coil: nothing to say

    @pytest.mark.parametrize(("value", "said"), [(0.126, False), (0.2, True), ([], False)])
    def test_conductivities_are_said_where_they_are_not_the_standard(self, tmp_path, value, said):
        tissues = np.zeros(2, [("name", object), ("value", object)])
        tissues["name"], tissues["value"][0], tissues["value"][1] = ["WM", "GM"], value, 0.275
        content = self.session(TMS | {"cond": tissues, "anisotropy_type": "scalar"})
        if said:
            with pytest.warns(UserWarning, match="cond of this session are not read"):
                self.read(tmp_path, content)
        else:
            self.read(tmp_path, content)

    def test_anisotropy_is_said(self, tmp_path):
        with pytest.warns(UserWarning, match=r"anisotropy_type \(vn\) and cond .* are not read"):
            self.read(tmp_path, self.session(TMS | {"anisotropy_type": "vn"}))

    def test_positions_without_a_pose_beside_others(self, tmp_path):
        structs = np.zeros((1, 3), [(key, object) for key in ("name", "matsimnibs")])
        structs["name"] = [["M1", "M2", "M3"]]
        for index, matrix in enumerate((POSE, [], POSE * np.nan)):
            structs[0, index]["matsimnibs"] = matrix
        with pytest.warns(
            UserWarning, match=r"2 of 3 positions are not finite \(1\) or have no matsimnibs \(1\): .* M2, M3"
        ):
            found = self.read(tmp_path, {"pos": structs})
        assert (found.names, [one.name for one in found.left_out]) == (("M1",), ["M2", "M3"])

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ({"a": 1.0}, "no variable matsimnibs, poslist or pos"),
            (
                {"pos": positions(matsimnibs=[], centre=[0, 0, 90])},
                r"position 0 \(M1\) has no matsimnibs.*place",
            ),
            ({"pos": {"centre": "C3", "pos_ydir": "CP3"}}, "position 0 has no matsimnibs"),
            ({"matsimnibs": []}, "this file has no matsimnibs"),
            ({"pos": positions(matsimnibs=np.eye(3))}, r"shape \(3, 3\)"),
            ({"pos": positions(matsimnibs=POSE * 2)}, "last row"),
            ({"a": {"pos": positions()}, "b": {"pos": positions()}}, "more than one variable: a, b"),
            ({"poslist": 3.0}, "poslist is neither"),
            ({"poslist": {"type": "TDCSLIST"}}, "no POSITION"),
            ({"matsimnibs": POSE * 1j}, "no poses|POSITION"),
            ({"matsimnibs": "text"}, "no POSITION"),
        ],
    )
    def test_refused(self, tmp_path, content, words):
        with pytest.raises(hf.PoseError, match=words):
            self.read(tmp_path, content)

    def test_other_versions(self, tmp_path):
        path = tmp_path / "a.mat"
        scipy.io.savemat(path, {"matsimnibs": POSE}, format="4")
        with pytest.raises(hf.FileFormatError, match="not a MATLAB 5 file"):
            read_poses(path)
        path.write_bytes(
            b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\0" * 384 + b"\x89HDF\r\n\x1a\n"
        )
        assert is_pose_file(path)
        with pytest.raises(hf.FileFormatError, match=r"MATLAB 7\.3 file.*-v7"):
            read_poses(path)

    def test_without_scipy(self, tmp_path, monkeypatch):
        write_poses(tmp_path / "a.mat", POSE)
        monkeypatch.setitem(sys.modules, "scipy.io", None)
        np.testing.assert_array_equal(read_poses(tmp_path / "a.mat"), POSE[None])
        with pytest.raises(hf.FileFormatError, match=r"pip install headfield\[matlab\]"):
            write_poses(tmp_path / "b.mat", POSE)


def element(kind, content, order="<"):
    return struct.pack(order + "II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def array(sort, dims, body, name=b"matsimnibs", order="<"):
    head = element(6, struct.pack(order + "II", sort, 0), order)
    head += element(5, struct.pack(f"{order}{len(dims)}i", *dims), order)
    return element(14, head + element(1, name, order) + body, order)


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def nested(depth):
    """Cells in cells."""
    inner = element(14, b"")
    for _ in range(depth):
        inner = array(1, (1, 1), inner, b"")
    return inner


class TestMat5:
    def test_against_scipy(self, tmp_path):
        cell = np.empty((2, 1), object)
        cell[0, 0], cell[1, 0] = "ä µ", np.arange(6, dtype=np.int16).reshape(1, 2, 3)
        content = {
            "a": np.float32(1.5),
            "b": np.arange(3) > 1,
            "c": cell,
            "d": {"e": "", "f": np.zeros((0, 0))},
        }
        scipy.io.savemat(tmp_path / "a.mat", content, do_compression=True)
        found = read_mat5((tmp_path / "a.mat").read_bytes())
        theirs = scipy.io.loadmat(tmp_path / "a.mat")
        for name in "ab":
            np.testing.assert_array_equal(found[name], theirs[name])
        assert found["c"][0] == theirs["c"][0, 0][0] == "ä µ"
        np.testing.assert_array_equal(found["c"][1], theirs["c"][1, 0])
        assert found["d"][0]["e"] == ""
        assert found["d"][0]["f"].shape == (0, 0)

    def test_big_endian_and_small_elements(self, tmp_path):
        """As MATLAB writes them: a name of 1 letter and a whole number, in the second half of their tags."""
        numbers = element(9, POSE.ravel(order="F").astype(">f8").tobytes(), ">")
        file = HEADER[:124] + b"\x01\x00MI" + array(6, (4, 4), numbers, order=">")
        np.testing.assert_array_equal(read_mat5(file)["matsimnibs"], POSE)
        small = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<2i", 1, 1))
        small += struct.pack("<HH4s", 1, 1, b"k") + struct.pack("<HH4s", 2, 1, b"\x07")
        np.testing.assert_array_equal(read_mat5(HEADER + element(14, small))["k"], [[7]])

    def test_objects_are_passed_over(self):
        opaque = element(14, element(6, struct.pack("<II", 17, 0)) + element(1, b"s") + element(1, b"MCOS"))
        numbers = element(9, POSE.ravel(order="F").tobytes())
        found = read_mat5(HEADER + opaque + array(5, (1, 1), b"", b"sparse") + array(6, (4, 4), numbers))
        assert found["sparse"] is None
        np.testing.assert_array_equal(found["matsimnibs"], POSE)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(array(1, (2_000_000_000, 1), b""), id="cells of 2e9 entries"),
            pytest.param(
                array(2, (2**31 - 1,) * 8, element(5, b"\4\0\0\0") + element(1, b"abc\0")), id="structs"
            ),
            pytest.param(array(6, (1, 1), element(15, b"\0" * 8)), id="numbers of type 15"),
            pytest.param(
                array(6, (2**31 - 1, 2**31 - 1), element(9, b"\0" * 8)), id="numbers that aren't there"
            ),
            pytest.param(array(6, (-1, -1), element(9, b"\0" * 8)), id="negative"),
            pytest.param(element(15, zlib.compress(b"\0" * (1 << 27))), id="a zip bomb"),
            pytest.param(struct.pack("<II", 14, 2**32 - 1), id="4 GB"),
            pytest.param(nested(60), id="nested"),
        ],
    )
    def test_what_ends_other_readers(self, tmp_path, body):
        (tmp_path / "a.mat").write_bytes(HEADER + body)
        start = time.process_time()
        with pytest.raises(hf.PoseError):
            read_poses(tmp_path / "a.mat")
        assert time.process_time() - start < 1
