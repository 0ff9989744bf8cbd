# SPDX-License-Identifier: BSD-3-Clause
"""Pose files of navigation systems: what is refused, what is warned of, and damage."""

import json
import os
import re
import time
import warnings

import numpy as np
import pytest
from given.navigation_files import (
    BRAINSIGHT,
    BRAINSIGHT_ROW,
    COLUMNS,
    CSV,
    ENDINGS,
    LOCALITE,
    POSE,
    SOFTAXIC,
    TARGET,
    instrument,
    save,
    some_poses,
    trigger,
    visor,
    xml_matrix,
)

import headfield as hf
from headfield.poses.pose_list import PoseList
from headfield.poses.read import is_pose_file, read_pose_list, read_poses
from headfield.poses.write import write_poses

SHEARED = [[1, 0.1, 0, -80], [0, -1, 0, -5], [0, 0, -1, 30], [0, 0, 0, 1]]


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.xml", "<a/>", "root <a>"),
            ("a.xml", "<a>", "not well-formed XML.*line 1"),
            ("a.xml", "", "not well-formed"),
            ("a.xml", b"\xff\xfe<\0a", "not UTF-16 text, at byte 4"),
            ("a.xml", b"<a>\xe9</a>", "not UTF-8 text, at byte 3"),
            ("a.xml", b'<?xml version="1.0" encoding="utf-7"?><a/>', "XML in the encoding 'utf-7'"),
            (
                "a.xml",
                '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
                "entity",
            ),
            ("a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entity"),
            ("a.xml", instrument(LOCALITE, "MNI"), "coordinateSpace is 'MNI'"),
            ("a.xml", instrument(LOCALITE, set="false"), "no poses in this file: 1 InstrumentMarkers"),
            ("a.xml", instrument(np.eye(4), set="true"), "identity"),
            ("a.xml", '<InstrumentMarkerList coordinateSpace="RAS"/>', "no poses in this file: 0"),
            (
                "a.xml",
                instrument(LOCALITE).replace('data12="0"', ""),
                "InstrumentMarker 0, data12 is missing",
            ),
            ("a.xml", instrument(LOCALITE).replace('"-80"', '"-80,5"'), "data03: '-80,5' is not a number"),
            ("a.xml", instrument(LOCALITE).replace("Matrix4D", "Matrix"), "no Matrix4D"),
            ("a.xml", instrument(LOCALITE).replace('"-80"', '"nan"'), "not finite"),
            ("a.xml", instrument(SHEARED), "pose 0 of 1: axes not orthonormal.*nearest_rotation"),
            (
                "a.txt",
                BRAINSIGHT.replace("NIfTI:Scanner", "Brainsight"),
                "'Brainsight'.*export again from Brainsight with NIfTI",
            ),
            ("a.txt", BRAINSIGHT.replace("NIfTI:Scanner", "NIfTI:MNI-152"), "export again"),
            ("a.txt", BRAINSIGHT.replace("# Coordinate system: NIfTI:Scanner\n", ""), "coordinate system ''"),
            ("a.txt", BRAINSIGHT.replace("# Target", "# Units: metres\n# Target"), "units are 'metres'"),
            ("a.txt", BRAINSIGHT.replace("\tm2n2", ""), "line 3: the targets have no column m2n2"),
            ("a.txt", BRAINSIGHT[:-8], "line 4: 12 columns where 13"),
            ("a.txt", BRAINSIGHT.replace("-5.000", "abc"), "line 4, Loc. Y: 'abc'"),
            ("a.txt", BRAINSIGHT.replace("-80.000", "(null)"), "its 1 targets or samples are all"),
            ("a.txt", BRAINSIGHT.replace(BRAINSIGHT_ROW, ""), "it has no targets or samples"),
            (
                "a.txt",
                BRAINSIGHT.replace("0.000\t0.000\t1.000", "0.100\t0.000\t1.000"),
                "axes not orthonormal",
            ),
            ("a.txt", BRAINSIGHT.replace("0.000\t0.000\t1.000", "0.000\t0.000\t-1.000"), "left-handed"),
            ("a.stmpx", "<svg/>", "not Softaxic"),
            ("a.stmpx", "<stmp/>", "no fmp"),
            ("a.stmpx", SOFTAXIC.replace("fp ", "fq ").replace("/fp", "/fq"), "point 0 (M1): no fp"),
            ("a.stmpx", SOFTAXIC.replace('m12="0"', ""), "point 0 (M1), m12 is missing"),
            ("a.mrk", "{", "not JSON"),
            ("a.mrk", "[" * 100000, "not JSON"),
            ("a.mrk", "{}", "TargetMarkers"),
            ("a.mrk", '{"TargetMarkers": []}', "no CoilTarget in 0"),
            ("a.mrk", visor(PositionalUnit="inch"), "PositionalUnit is 'inch'"),
            ("a.mrk", visor(CoilAxesConvention="visor"), "CoilAxesConvention is 'visor'"),
            ("a.mrk", visor(CoordinateSystem="MNI"), "CoordinateSystem is 'MNI'"),
            ("a.mrk", visor(CoilPose={}), "not 4 rows of 4"),
            ("a.mrk", visor().replace("-80.0", "true"), "'True', not a number"),
            ("a.mrk", visor().replace("-80.0", "1" + "0" * 400), "beyond 1e308"),
            ("a.mrk", visor().replace("-80.0", "NaN"), "not finite"),
            ("a.csv", CSV.replace("z_axis_y", "zy"), "line 1: no column z_axis_y"),
            ("a.csv", CSV.replace("name", "Z_axis_y"), "column z_axis_y comes twice"),
            ("a.csv", CSV.replace(",30", ""), "line 2: 9 columns where 10"),
            ("a.csv", CSV.replace("30", "x"), "line 2, centre_z_mm: 'x'"),
            ("a.csv", CSV.replace("30", "nan\x1e"), "not finite"),
            ("a.csv", CSV.replace("30", "3_0"), "'3_0' is not a number"),
            ("a.csv", CSV.split("\n")[0], "no poses"),
            ("a.csv", CSV.replace("M1", '"M1'), "line 2: unexpected end of data"),
            ("a.csv", CSV.replace("0,1,0\n", "0.1,1,0\n"), "axes not orthonormal"),
            (
                "a.csv",
                CSV.replace("_z\nM1", "_z,distance_mm\nM1").replace("0\n", "0,-4\n"),
                "distance_mm = -4",
            ),
        ],
    )
    def test_file(self, tmp_path, name, content, words):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        words = words.replace("(", r"\(").replace(")", r"\)")
        with pytest.raises(hf.HeadfieldError, match=rf"{re.escape(str(path))}: .*{words}"):
            read_poses(path)

    def test_nearest_rotation_on_request(self, tmp_path):
        (tmp_path / "a.xml").write_text(instrument(np.array(LOCALITE) * [1.01, 1.01, 1.01, 1]))
        with pytest.raises(hf.PoseError, match=r"off by 0\.0201"):
            read_poses(tmp_path / "a.xml")
        found = read_poses(tmp_path / "a.xml", nearest_rotation=True)
        np.testing.assert_allclose(found[0], POSE, rtol=0, atol=1e-15)

    def test_rounded_axes(self, tmp_path):
        """Rows printed with 3 decimals are off by up to 1.7e-3, more than `check_poses` lets pass."""
        exact = some_poses(200)
        write_poses(tmp_path / "a.txt", exact.poses)
        head, _, rows = (tmp_path / "a.txt").read_text().partition("m2n2\n")
        rounded = re.sub(r"-?\d+\.\d{9}", lambda match: f"{float(match[0]):.3f}", rows)
        (tmp_path / "a.txt").write_text(head + "m2n2\n" + rounded)
        found = read_poses(tmp_path / "a.txt")
        axes = found[:, :3, :3]
        np.testing.assert_allclose(axes, exact.poses[:, :3, :3], rtol=0, atol=2e-3)
        np.testing.assert_allclose(np.swapaxes(axes, 1, 2) @ axes, [np.eye(3)] * 200, atol=1e-14)
        coarse = re.sub(r"-?\d+\.\d{9}", lambda match: f"{float(match[0]):.2f}", rows)
        (tmp_path / "a.txt").write_text(head + "m2n2\n" + coarse)
        with pytest.raises(hf.PoseError, match="axes not orthonormal"):
            read_poses(tmp_path / "a.txt")


class TestWarnings:
    def test_markers_without_a_pose(self, tmp_path):
        marker = f'<InstrumentMarker><Marker set="{{}}">{xml_matrix(LOCALITE)}</Marker></InstrumentMarker>'
        none = f"<InstrumentMarker><Marker>{xml_matrix(np.eye(4))}</Marker></InstrumentMarker>"
        text = f'<InstrumentMarkerList coordinateSpace="RAS">{marker.format("true")}{none}'
        (tmp_path / "a.xml").write_text(text + marker.format("false") + "</InstrumentMarkerList>")
        for read in (read_pose_list, read_poses):
            with pytest.warns(UserWarning, match="a.xml: 2 of 3 InstrumentMarkers are not set") as caught:
                found = read(tmp_path / "a.xml")
            assert len(found) == 1
            assert caught[0].filename == __file__

    def test_didt_in_another_unit(self, tmp_path):
        (tmp_path / "a.xml").write_text(trigger(LOCALITE, "62", unit="%"))
        with pytest.warns(UserWarning, match="unit of valueA is '%'.*dI/dt is not read"):
            assert read_pose_list(tmp_path / "a.xml").didt is None

    def test_didt_of_some(self, tmp_path):
        one, two = trigger(LOCALITE, "62"), trigger(LOCALITE, "")
        (tmp_path / "a.xml").write_text(
            one.replace("</TriggerMarkerList>", two[two.index("<TriggerMarker ") :])
        )
        with pytest.warns(UserWarning, match="dI/dt of 1 of 2 poses is missing"):
            assert read_pose_list(tmp_path / "a.xml").didt is None
        (tmp_path / "a.xml").write_text(two)
        assert read_pose_list(tmp_path / "a.xml").didt is None

    def test_brainsight_rows(self, tmp_path):
        samples = f"# Sample Name\tSession Name\tOffset\t{COLUMNS}\n"
        values = BRAINSIGHT_ROW.partition("\t")[2]
        samples += f"S1\tA\t0.000\t{values}\nS2\tA\t" + "\t".join(["(null)"] * 13) + "\n"
        more = f"# Electrode Name\t{COLUMNS}\nCz\t{values}\n# Session Name\t{COLUMNS}\nA\t{values}\n"
        (tmp_path / "a.txt").write_text(BRAINSIGHT + samples + more)
        for which, names in (("all", ("M1", "S1")), ("samples", ("S1",))):
            with pytest.warns(UserWarning, match=r"1 of \d rows have no pose"):
                assert read_pose_list(tmp_path / "a.txt", which=which).names == names
        assert read_pose_list(tmp_path / "a.txt", which="targets").names == ("M1",)
        moved = samples.replace("0.000\t-80", "10.000\t-80").partition("S2")[0]
        (tmp_path / "a.txt").write_text(BRAINSIGHT + moved)
        with pytest.warns(UserWarning, match=r"1 samples .* offset .* 10\.000 mm"):
            read_pose_list(tmp_path / "a.txt")

    def test_other_targets_of_visor(self, tmp_path):
        content = {"TargetMarkers": [{"CoilTarget": TARGET}, {"PointTarget": {}}]}
        (tmp_path / "a.mrk").write_text(json.dumps(content))
        with pytest.warns(UserWarning, match="1 of 2 TargetMarkers have no CoilTarget"):
            assert len(read_pose_list(tmp_path / "a.mrk")) == 1

    def test_unused_columns(self, tmp_path):
        header, row = CSV.strip().split("\n")
        (tmp_path / "a.csv").write_text(f"{header},distance\n{row},4\n")
        with pytest.warns(UserWarning, match="columns that are not used: distance"):
            assert read_poses(tmp_path / "a.csv")[0, 0, 3] == -80

    def test_which_is_for_brainsight(self, tmp_path):
        write_poses(tmp_path / "a.csv", POSE)
        with pytest.raises(hf.PoseError, match="for Brainsight"):
            read_pose_list(tmp_path / "a.csv", which="samples")
        with pytest.raises(hf.PoseError, match="one of all, targets, samples"):
            read_pose_list(tmp_path / "a.csv", which="target")


class TestDamaged:
    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.parametrize("didt", [True, False])
    def test_every_damage_is_a_typed_error_or_a_rigid_pose(self, tmp_path, ending, didt):
        path = tmp_path / f"a{ending}"
        save(path, some_poses(2), didt)
        whole = path.read_bytes()
        rng = np.random.default_rng(11)
        cut = [whole[:length] for length in np.linspace(0, len(whole) - 1, 40).astype(int)]
        flipped = []
        for _ in range(140):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), rng.integers(1, 4)):
                data[place] = rng.integers(0, 256)
            flipped.append(bytes(data))
        for place in rng.integers(0, len(whole), 40):
            flipped.append(whole[:place] + whole[place + rng.integers(1, 9) :])
        refused = 0
        for data in cut + flipped:
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                try:
                    hf.check_poses(read_poses(path))
                except hf.HeadfieldError:
                    refused += 1
        assert refused > 40

    @pytest.mark.parametrize("ending", [*ENDINGS, ".tfm", ".mkss", ".nbe"])
    def test_long_digits_and_deep_nesting_take_no_time(self, tmp_path, ending):
        path = tmp_path / f"a{ending}"
        start = time.process_time()
        system = "Coordinate system:a" + " " * 300_000 + "b"
        for text in (
            system,
            "1" * 300_000 + "x",
            "<a>" * 100_000,
            "[" * 100_000,
            BRAINSIGHT + "x" + "\t" * 100_000,
        ):
            path.write_text(text)
            with pytest.raises(hf.HeadfieldError):
                read_poses(path)
        long = instrument(LOCALITE).replace('"-80"', '"' + "8" * 300_000 + 'x"')
        (tmp_path / "a.xml").write_text(long)
        with pytest.raises(hf.PoseError, match="data03"):
            read_poses(tmp_path / "a.xml")
        assert time.process_time() - start < 1

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_no_regular_file(self, tmp_path, ending):
        os.mkfifo(tmp_path / f"a{ending}")
        with pytest.raises(hf.FileFormatError, match="not a regular file"):
            read_poses(tmp_path / f"a{ending}")
        with pytest.raises(OSError, match="No such file"):
            read_poses(tmp_path / f"b{ending}")


class TestPoseFiles:
    def test_by_ending_and_beginning(self, tmp_path):
        for name, content, is_one in [
            ("a.xml", instrument(LOCALITE), True),
            ("a.xml", "<GUMMarkerList/>", True),
            ("a.xml", instrument(LOCALITE).encode("utf-16"), True),
            ("a.xml", "<dolfin/>", False),
            ("a.xml", "<dolfin/>".encode("utf-16"), False),
            ("a.MRK.json", "", True),
            ("a.json", "", False),
            ("a.tfm", "", True),
            ("a.mkss", "", True),
            ("a.nbe", "", True),
            ("a.mat", "MATLAB 5.0 MAT-file", True),
            ("a.mat", "", False),
            ("a.CSV", "", True),
            ("a.vtk", "", False),
            ("a", "", False),
        ]:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
            assert is_pose_file(tmp_path / name) is is_one, name

    def test_a_missing_one(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            is_pose_file(tmp_path / "a.mat")

    def test_pose_list(self):
        found = PoseList(POSE, didt=[1e6], kind="x")
        assert repr(found) == "<PoseList: 1 pose with dI/dt (x)>"
        assert (len(found), found.names) == (1, ("pose 0",))
        with pytest.raises(hf.PoseError, match="scaled or sheared"):
            PoseList(POSE * [2, 2, 2, 1])
        for wrong in ({"indices": [0, 1]}, {"coils": ["a", "b"]}):
            with pytest.raises(hf.PoseError, match=r"indices and \d coils for 1 poses"):
                PoseList(POSE, **wrong)
