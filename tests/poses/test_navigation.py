# SPDX-License-Identifier: BSD-3-Clause
"""Pose files of navigation systems: the meaning of their axes, samples, round trips, what is written."""

import csv
import json
import re
from xml.dom import minidom

import numpy as np
import pytest
import scipy.io
from given.navigation_files import (
    BRAINSIGHT,
    BRAINSIGHT_ROW,
    COLUMNS,
    CSV,
    ENDINGS,
    LOCALITE,
    LOCALITE_LPS,
    POSE,
    SOFTAXIC,
    TARGET,
    instrument,
    rotation,
    save,
    some_poses,
    trigger,
    visor,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import headfield as hf
from headfield.poses.pose_list import PoseList
from headfield.poses.read import is_pose_file, read_pose_list, read_poses
from headfield.poses.write import write_poses


class TestAxes:
    @pytest.mark.parametrize(
        ("name", "content", "kind"),
        [
            ("a.xml", instrument(LOCALITE, description="M1"), "Localite InstrumentMarkers, RAS"),
            ("a.xml", instrument(LOCALITE_LPS, "LPS", description="M1"), "Localite InstrumentMarkers, LPS"),
            ("a.xml", trigger(LOCALITE, "62.0", description="M1"), "Localite TriggerMarkers, RAS"),
            ("a.txt", BRAINSIGHT, "Brainsight targets, NIfTI:Scanner"),
            ("a.stmpx", SOFTAXIC, "Softaxic stimulation map"),
            ("a.mrk", visor(), "ANT visor2 coil targets"),
            ("a.csv", CSV, "table with named columns"),
        ],
    )
    def test_a_file_written_by_hand(self, tmp_path, name, content, kind):
        (tmp_path / name).write_text(content)
        found = read_pose_list(tmp_path / name)
        np.testing.assert_array_equal(found.poses, POSE[None])
        assert (found.names, found.kind) == (("M1",), kind)
        np.testing.assert_array_equal(read_poses(tmp_path / name), found.poses)

    def test_didt_of_triggers_is_in_a_per_s(self, tmp_path):
        (tmp_path / "a.xml").write_text(trigger(LOCALITE, "62.5", recordingTime="26098"))
        found = read_pose_list(tmp_path / "a.xml")
        assert found.didt.tolist() == [62.5e6]
        assert found.names == ("26098 ms",)
        assert found.seconds.tolist() == [26.098]

    @pytest.mark.parametrize("time", ["", "soon", "inf"])
    def test_triggers_without_a_time(self, tmp_path, time):
        (tmp_path / "a.xml").write_text(trigger(LOCALITE, "62.5", description="M1", recordingTime=time))
        assert read_pose_list(tmp_path / "a.xml").seconds is None

    def test_times_of_samples(self, shared_data):
        path = shared_data / "navigation" / "niiImage_nifticoord.txt"
        assert read_pose_list(path, which="targets").seconds is None
        samples = read_pose_list(path, which="samples").seconds
        assert samples[:2].tolist() == pytest.approx([42527.502, 42559.162])  # 11:48:47.502, 11:49:19.162
        both = read_pose_list(path).seconds
        assert np.isnan(both[:7]).all()
        np.testing.assert_array_equal(both[7:], samples)

    def test_metres_of_visor(self, tmp_path):
        pose = POSE.copy()
        pose[:3, 3] /= 1000
        matrix = {"RigidTransformMatrix4x4": pose.tolist()}
        (tmp_path / "a.mrk").write_text(visor(PositionalUnit="m", CoilPose=matrix))
        np.testing.assert_allclose(read_poses(tmp_path / "a.mrk")[0], POSE, rtol=1e-15)

    def test_distance_moves_the_casing_outward(self, tmp_path):
        header, row = CSV.strip().split("\n")
        (tmp_path / "a.csv").write_text(
            f"# made by hand\n\n{header};distance_mm\n{row};4\n".replace(",", ";")
        )
        np.testing.assert_array_equal(read_poses(tmp_path / "a.csv")[0, :3, 3], [-84, -5, 30])

    def test_columns_in_another_order_and_with_didt(self, tmp_path):
        rows = [line.split(",")[::-1] for line in CSV.strip().split("\n")]
        text = f"{','.join(rows[0])},didt_A_per_s\n{','.join(rows[1])},1e6\n\n"
        (tmp_path / "a.csv").write_text(text.replace("M1", '"M1, ""left"""'), encoding="utf-8-sig")
        found = read_pose_list(tmp_path / "a.csv")
        np.testing.assert_array_equal(found.poses, POSE[None])
        assert (found.names, found.didt.tolist()) == (('M1, "left"',), [1e6])


# in ../shared/data/navigation, and how many poses they hold
SAMPLES = [
    ("LPS_InstrumentMarker20120925124022687.xml", 4),
    ("RAS_InstrumentMarker20170316160859032.xml", 6),
    ("ioJson3DMarker_example_SimNIBS.mrk", 7),
    ("neuronav_coil_test.stmpx", 4),
    ("niiImage_nifticoord.txt", 108),
    ("niiImage_niftialignedcoord.txt", 108),
    ("niiImage_niftialignedcoord_no_samples.txt", 7),
]


class TestSamples:
    """The middle of their head is taken at (0, 0, 20) mm, of Brainsight's by its landmarks at (0, 20, 10)."""

    @pytest.mark.parametrize(("name", "count"), SAMPLES)
    def test_z_points_into_the_head(self, shared_data, name, count):
        found = read_pose_list(shared_data / "navigation" / name)
        outward = found.poses[:, :3, 3] - ([0, 20, 10] if name.endswith(".txt") else [0, 0, 20])
        outward /= np.linalg.norm(outward, axis=1)[:, None]
        assert len(found) == count
        assert (np.einsum("ki,ki->k", outward, found.poses[:, :3, 2]) < -0.7).all()

    @pytest.mark.parametrize(
        "name", [name for name, _ in SAMPLES] + ["niiImage_niftialigned_q_coord_v14.txt"]
    )
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_round_trip(self, shared_data, tmp_path, name, ending):
        found = read_pose_list(shared_data / "navigation" / name)
        write_poses(tmp_path / f"a{ending}", found)
        again = read_pose_list(tmp_path / f"a{ending}")
        # A table's x axis is y × z, so that Localite's, orthonormal to 7e-5, differ by that.
        np.testing.assert_allclose(again.poses, found.poses, rtol=0, atol=1e-4 if ending == ".csv" else 1e-9)
        assert ending == ".npy" or again.names == found.names

    def test_brainsight_agrees_with_the_errors_that_it_prints(self, shared_data):
        path = shared_data / "navigation" / "niiImage_nifticoord.txt"
        targets, samples = (read_pose_list(path, which=which) for which in ("targets", "samples"))
        lines = path.read_text().split("\n")
        start = next(i for i, line in enumerate(lines) if line.startswith("# Sample Name"))
        columns = lines[start][2:].split("\t")
        angles, twists = [], []
        for line, name, pose in zip(lines[start + 1 :], samples.names, samples.poses, strict=False):
            row = dict(zip(columns, line.split("\t"), strict=True))
            assert row["Sample Name"] == name
            if row["Assoc. Target"] == "(null)":
                continue
            target = targets.poses[targets.names.index(row["Assoc. Target"])]
            cosine = pose[:3, 2] @ target[:3, 2]
            angles.append(np.degrees(np.arccos(min(cosine, 1.0))) - float(row["Angular Error"]))
            there = target[:3, 1]  # its y axis, seen in the sample's frame
            twist = np.degrees(np.arctan2(-there @ pose[:3, 0], there @ pose[:3, 1]))
            twists.append((twist - float(row["Twist Error"]) + 180) % 360 - 180)
        assert len(angles) == 100
        assert np.median(np.abs(angles)) < 0.05
        assert np.median(np.abs(twists)) < 0.05

    def test_triggers_that_saw_no_coil(self, shared_data):
        name = "TriggerMarkers_Coil0_20210409170817799.xml"
        with pytest.raises(
            hf.PoseError, match=name + r": no poses in this file: \d+ TriggerMarkers are not set"
        ):
            read_poses(shared_data / "navigation" / name)

    def test_all_are_pose_files(self, shared_data):
        files = sorted((shared_data / "navigation").iterdir())
        assert len(files) >= 9
        assert all(is_pose_file(path) for path in files)


class TestRoundTrips:
    angles = st.floats(-4, 4)
    centres = st.floats(-500, 500)

    @pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.tuples(angles, angles, angles, centres, centres, centres), min_size=1, max_size=4),
        st.sampled_from(ENDINGS),
        st.text("aäM1 ,;'\"<>&[]|µ😀", max_size=8),
    )
    def test_random_poses(self, tmp_path, numbers, ending, name):
        poses = np.array([rotation(six[:3]) for six in numbers])
        poses[:, :3, 3] = [six[3:] for six in numbers]
        didt = np.arange(1, len(poses) + 1) * 1e6 / 3
        known = PoseList(poses, [f"{name}{i}".strip() for i in range(len(poses))], didt)
        # What is no pose there, see test_left_out.py.
        if ending == ".mrk" and (poses == np.eye(4)).all(axis=(1, 2)).any():
            return
        if ending == ".mrk.json" and (poses[:, :3, :3] == np.eye(3)).all(axis=(1, 2)).any():
            return
        path = tmp_path / f"a{ending}"
        save(path, known)
        found = read_pose_list(path)
        exact = {".txt": 1e-9, ".csv": 1e-15}.get(ending, 0.0)
        np.testing.assert_allclose(found.poses, poses, rtol=0, atol=exact)
        assert ending == ".npy" or found.names == known.names
        if ending in (".csv", ".xml", ".mat"):
            np.testing.assert_allclose(found.didt, didt, rtol=3e-16)
        else:
            assert found.didt is None

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_poses_at_the_limit_of_orthonormal(self, tmp_path, ending):
        scaled = POSE * np.array([1 + 2.4e-4] * 3 + [1])
        write_poses(tmp_path / f"a{ending}", scaled)
        tolerance = 3e-4 if ending == ".csv" else 1e-9
        np.testing.assert_allclose(read_poses(tmp_path / f"a{ending}")[0], scaled, rtol=0, atol=tolerance)

    def test_between_formats_with_all_that_is_known(self, tmp_path):
        known = some_poses()
        write_poses(tmp_path / "a.mat", known)
        write_poses(tmp_path / "b.xml", read_pose_list(tmp_path / "a.mat"))
        write_poses(tmp_path / "c.csv", read_pose_list(tmp_path / "b.xml"))
        found = read_pose_list(tmp_path / "c.csv")
        np.testing.assert_allclose(found.poses, known.poses, rtol=0, atol=1e-15)
        np.testing.assert_allclose(found.didt, known.didt, rtol=1e-15)
        assert found.names == known.names


class TestWhatIsWritten:
    """Read by other means than headfield's readers."""

    def test_localite(self, tmp_path):
        write_poses(tmp_path / "a.xml", POSE, ["<M1> & ä"])
        write_poses(tmp_path / "b.xml", POSE, ["M1"], [62e6])
        for name, tag in (("a.xml", "InstrumentMarker"), ("b.xml", "TriggerMarker")):
            root = minidom.parse(str(tmp_path / name)).documentElement
            assert root.tagName == tag + "List"
            assert root.getAttribute("coordinateSpace") == "RAS"
            (matrix,) = root.getElementsByTagName("Matrix4D")
            found = [[float(matrix.getAttribute(f"data{i}{j}")) for j in range(4)] for i in range(4)]
            assert found == LOCALITE
        assert minidom.parse(str(tmp_path / "a.xml")).getElementsByTagName("Marker")[0].getAttribute(
            "description"
        ) == ("<M1> & ä")
        (value,) = root.getElementsByTagName("Value")
        assert (value.getAttribute("key"), float(value.getAttribute("response"))) == ("valueA", 62.0)

    def test_brainsight(self, tmp_path):
        write_poses(tmp_path / "a.txt", POSE, ["M1"], coordinates="NIfTI:Aligned")
        lines = (tmp_path / "a.txt").read_text().splitlines()
        assert lines[1] == "# Coordinate system: NIfTI:Aligned"
        assert lines[-2] == "# Target Name\t" + COLUMNS
        row, expected = lines[-1].split("\t"), BRAINSIGHT_ROW.split("\t")
        assert row[0] == "M1"
        assert [float(word) for word in row[1:]] == [float(word) for word in expected[1:]]

    def test_softaxic(self, tmp_path):
        write_poses(tmp_path / "a.stmpx", POSE, ["M1"])
        text = (tmp_path / "a.stmpx").read_text()
        assert text.startswith("<!DOCTYPE stmp>")
        (point,) = re.findall(r"<fp ([^>]*)/>", text)
        found = {key: float(value) for key, value in re.findall(r'(\w+)="([^"]*)"', point)}
        assert found == dict(zip(["x", "y", "z"], [-80, -5, 30], strict=True)) | {
            f"m{i}{j}": value
            for i, row in enumerate([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
            for j, value in enumerate(row)
        }

    def test_visor(self, tmp_path):
        write_poses(tmp_path / "a.mrk", POSE, ["M1"])
        (marker,) = json.loads((tmp_path / "a.mrk").read_text())["TargetMarkers"]
        assert TARGET.items() <= marker["CoilTarget"].items()

    def test_csv(self, tmp_path):
        write_poses(tmp_path / "a.csv", POSE, ["M, 1"], [1e6])
        with open(tmp_path / "a.csv", newline="") as file:
            (row,) = csv.DictReader(file)
        assert row.pop("name") == "M, 1"
        expected = [-80, -5, 30, 1, 0, 0, 0, 1, 0, 1e6]
        assert [float(value) for value in row.values()] == expected
        assert list(row) == CSV.split("\n")[0].split(",")[1:] + ["didt_a_per_s"]

    def test_simnibs(self, tmp_path):
        known = some_poses()
        write_poses(tmp_path / "a.mat", known)
        content = scipy.io.loadmat(tmp_path / "a.mat", struct_as_record=False)
        assert content["type"] == ["SESSION"]
        (tms,) = content["poslist"][0]
        tms = tms[0, 0]
        assert tms.type == ["TMSLIST"]
        assert tms.pos.shape == (1, 3)
        for index, position in enumerate(tms.pos[0]):
            np.testing.assert_array_equal(position.matsimnibs, known.poses[index])
            assert position.didt == known.didt[index]
            assert (position.type, position.name) == (["POSITION"], [known.names[index]])

    def test_npy(self, tmp_path):
        write_poses(tmp_path / "a.npy", POSE)
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), POSE[None])

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_whole_or_not_at_all(self, tmp_path, monkeypatch, ending):
        def fail(*_):
            raise OSError("no space left")

        write_poses(tmp_path / f"a{ending}", POSE)
        before = (tmp_path / f"a{ending}").read_bytes()
        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="no space"):
            write_poses(tmp_path / f"a{ending}", hf.ring(POSE, [0, 5]))
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]

    def test_didt_that_a_format_can_not_hold(self, tmp_path):
        for ending in (".npy", ".txt", ".stmpx", ".mrk"):
            with pytest.warns(UserWarning, match=f"a {ending} file can't hold dI/dt") as caught:
                write_poses(tmp_path / f"a{ending}", POSE, didt=[1e6])
            assert caught[0].filename == __file__

    @pytest.mark.parametrize(
        ("name", "arguments", "words"),
        [
            ("a.msh", {}, "poses are written to .npy"),
            ("a.csv", {"names": ["a", "b"]}, "2 names for 1 pose"),
            ("a.csv", {"names": "M1"}, "one text"),
            ("a.csv", {"names": [1]}, r"names\[0\] = 1 is not text"),
            ("a.xml", {"names": ["a\tb"]}, "aren't text"),
            ("a.mrk", {"names": ["a\ud800"]}, "aren't text"),
            ("a.xml", {"names": ["a\uffff"]}, "aren't text"),
            ("a.txt", {"names": ["# a"]}, "is a comment"),
            ("a.txt", {"coordinates": "MNI"}, "'MNI' is not the head's"),
            ("a.csv", {"didt": [1.0, 2.0]}, r"must have the shape \(1,\)"),
            ("a.csv", {"didt": [np.nan]}, "not finite"),
        ],
    )
    def test_refused(self, tmp_path, name, arguments, words):
        with pytest.raises(hf.HeadfieldError, match=words):
            write_poses(tmp_path / name, POSE, **arguments)
        assert not list(tmp_path.iterdir())

    def test_poses_are_checked(self, tmp_path):
        with pytest.raises(hf.PoseError, match="left-handed"):
            write_poses(tmp_path / "a.xml", np.diag([1, 1, -1, 1]))
