# SPDX-License-Identifier: BSD-3-Clause
"""InVesalius, Nexstim and 3D Slicer: their frames, by closed forms and independent means."""

import json

import nibabel
import numpy as np
import pytest
from given.navigation_files import POSE, rotation, some_poses
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.poses.write import write_poses

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MANY = some_poses(4)


def tfm(matrix, centre=(0, 0, 0), kind="AffineTransform_double_3_3", more=""):
    """An ITK transform of a matrix (4, 4), about a centre."""
    matrix, centre = np.asarray(matrix, float), np.asarray(centre, float)
    offset = matrix[:3, 3] - centre + matrix[:3, :3] @ centre
    values = " ".join(repr(float(value)) for value in [*matrix[:3, :3].ravel(), *offset])
    fixed = " ".join(map(str, centre.tolist()))
    return (
        f"#Insight Transform File V1.0\n#Transform 0\n{more}Transform: {kind}\nParameters: {values}\n"
        f"FixedParameters: {fixed}\n"
    )


class TestItk:
    def test_by_hand(self, tmp_path):
        """A coil 80 mm to the left and 5 mm up, turned a quarter about the axis to the front.

        Slicer shows (x, y, z) -> (z - 80, y, 5 - x). Its inverse is (5 - z, y, x + 80), in RAS; in LPS, where
        x and y change sign on both sides, (z - 5, y, 80 - x).
        """
        text = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        text += "Parameters: 0 0 1 0 1 0 -1 0 0 -5 0 80\nFixedParameters: 0 0 0\n"
        (tmp_path / "a.tfm").write_text(text)
        expected = [[0, 0, 1, -80], [0, 1, 0, 0], [-1, 0, 0, 5], [0, 0, 0, 1]]
        np.testing.assert_allclose(hf.read_poses(tmp_path / "a.tfm"), [expected], atol=1e-15)

    @pytest.mark.parametrize("centre", [(0, 0, 0), (10, -20, 30)])
    @pytest.mark.parametrize(
        "kind",
        ["AffineTransform_double_3_3", "MatrixOffsetTransformBase_float_3_3", "Rigid3DTransform_double_3_3"],
    )
    def test_any_pose_about_any_centre(self, tmp_path, centre, kind):
        pose = MANY.poses[0]
        (tmp_path / "a.tfm").write_text(tfm(np.linalg.inv(LPS @ pose @ LPS), centre, kind))
        found = hf.read_pose_list(tmp_path / "a.tfm")
        np.testing.assert_allclose(found.poses, [pose], atol=1e-12)
        assert (found.names, found.kind) == (("pose 0",), "ITK transform, LPS")

    def test_what_is_written_moves_points_of_the_coil_to_where_they_are(self, tmp_path):
        """Points of the head, by the file's own words, lead back to those of the coil."""
        write_poses(tmp_path / "a.tfm", MANY.poses[1], ["M, 1"])
        lines = dict(
            line.split(": ", 1) for line in (tmp_path / "a.tfm").read_text().splitlines() if ": " in line
        )
        numbers = np.array(lines["Parameters"].split(), float)
        of_coil = np.random.default_rng(1).normal(size=(5, 3)) * 50
        of_head = of_coil @ MANY.poses[1, :3, :3].T + MANY.poses[1, :3, 3]
        there = (of_head * [-1, -1, 1]) @ numbers[:9].reshape(3, 3).T + numbers[9:]
        np.testing.assert_allclose(there * [-1, -1, 1], of_coil, atol=1e-12)
        assert hf.read_pose_list(tmp_path / "a.tfm").names == ("M, 1",)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("1 0 0 0\n", "no ITK transform"),
            (tfm(np.eye(4), kind="Euler3DTransform_double_3_3"), "type 'Euler3DTransform_double_3_3'"),
            (tfm(np.eye(4), kind="DisplacementFieldTransform_double_3_3"), "save a linear one"),
            (tfm(np.eye(4)) + "Transform: AffineTransform_double_3_3\n", "2 transforms, where one"),
            ("#Insight Transform File V1.0\n", "0 transforms"),
            (
                tfm(np.eye(4)).replace("FixedParameters: 0.0", "FixedParameters:"),
                "2 FixedParameters, where 3",
            ),
            (tfm(np.eye(4)).replace("Parameters: 1.0", "Parameters: x"), "'x' is not a number"),
            (tfm(np.diag([1.0, 1, 0, 1])), "has no inverse"),
            (tfm(np.diag([1.0, 1.1, 1, 1])), "axes not orthonormal"),
        ],
    )
    def test_refused(self, tmp_path, text, words):
        (tmp_path / "a.tfm").write_text(text)
        with pytest.raises(hf.HeadfieldError, match=words):
            hf.read_poses(tmp_path / "a.tfm")

    def test_one_pose_only(self, tmp_path):
        with pytest.raises(hf.PoseError, match="holds one pose, not 4"):
            write_poses(tmp_path / "a.tfm", MANY.poses)
        assert not list(tmp_path.iterdir())


def markups(*points, system="LPS", **more):
    return json.dumps(
        {"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": points} | more]}
    )


def point(pose, name="M1", **more):
    pose = np.asarray(pose, float)
    place, axes = pose[:3, 3].tolist(), pose[:3, :3].ravel().tolist()
    return {"label": name, "position": place, "orientation": axes} | more


class TestMarkups:
    @pytest.mark.parametrize("system", ["LPS", "RAS"])
    def test_columns_are_axes_in_the_system_of_the_file(self, tmp_path, system):
        """The schema: orientation[0], [3], [6] is the x vector."""
        flip = np.array([-1, -1, 1]) if system == "LPS" else np.ones(3)
        for pose in (POSE, *MANY.poses):
            axes = [float(flip[row] * pose[row, column]) for row in range(3) for column in range(3)]
            one = {"label": "M1", "position": (flip * pose[:3, 3]).tolist(), "orientation": axes}
            (tmp_path / "a.mrk.json").write_text(markups(one, system=system))
            found = hf.read_pose_list(tmp_path / "a.mrk.json")
            np.testing.assert_array_equal(found.poses, [pose])
            assert (found.names, found.kind) == (("M1",), f"3D Slicer markups, {system}")

    def test_points_without_an_orientation_are_left_out(self, tmp_path):
        none = np.diag([-1.0, -1, 1, 1])  # as Slicer writes a point that was only clicked
        points = [point(none, "F-1"), point(LPS @ POSE), point(LPS @ POSE, "F-3", positionStatus="undefined")]
        points += [{"label": "F-4", "position": [0, 0, 0]}, point(np.full((4, 4), np.nan), "F-5")]
        (tmp_path / "a.mrk.json").write_text(markups(*points))
        with pytest.warns(UserWarning, match="4 of 5 control points .*: left out: F-1, F-3, F-4, F-5"):
            found = hf.read_pose_list(tmp_path / "a.mrk.json")
        assert (found.names, found.indices) == (("M1",), (1,))
        assert [one.reason for one in found.left_out] == ["no axes", "not set", "no axes", "not finite"]

    def test_several_lists_and_units(self, tmp_path):
        content = json.loads(markups(point(LPS @ POSE), coordinateUnits=["mm", "UCUM", "millimeter"]))
        small = POSE.copy()
        small[:3, 3] *= 1000
        content["markups"] += json.loads(markups(point(small, "M2"), system="RAS", coordinateUnits="um"))[
            "markups"
        ]
        (tmp_path / "a.mrk.json").write_text(json.dumps(content))
        found = hf.read_pose_list(tmp_path / "a.mrk.json")
        np.testing.assert_allclose(found.poses, [POSE, POSE], atol=1e-13)
        assert found.kind == "3D Slicer markups, LPS and RAS"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{}", "without a list of markups"),
            ("[", "not JSON"),
            ('{"markups": [1]}', "markup 0 is not an object"),
            ('{"markups": []}', "no poses in this file: 0 control points are there"),
            (markups(point(POSE), system="IJK"), "coordinateSystem is 'IJK'"),
            (markups(point(POSE), coordinateUnits="cm"), "coordinateUnits is 'cm'"),
            (markups(point(POSE), coordinateUnits={}), "coordinateUnits is"),
            (markups(3), "control point 0 is not an object"),
            (markups(point(POSE) | {"position": [1, 2]}), "not 3 numbers"),
            (markups(point(POSE) | {"position": [1, 2, "3"]}), "position holds '3', not a number"),
            (markups(point(POSE * [-1, 1, 1, 1])), r"pose 0 \(M1\) of 1: left-handed"),
        ],
    )
    def test_refused(self, tmp_path, text, words):
        (tmp_path / "a.mrk.json").write_text(text)
        with pytest.raises(hf.HeadfieldError, match=words):
            hf.read_poses(tmp_path / "a.mrk.json")

    def test_written(self, tmp_path):
        write_poses(tmp_path / "a.mrk.json", MANY.poses, MANY.names)
        (markup,) = json.loads((tmp_path / "a.mrk.json").read_text())["markups"]
        assert (markup["type"], markup["coordinateSystem"]) == ("Fiducial", "LPS")
        for one, name, pose in zip(markup["controlPoints"], MANY.names, MANY.poses, strict=True):
            assert one["label"] == name
            np.testing.assert_array_equal(np.multiply(one["position"], [-1, -1, 1]), pose[:3, 3])
            x_axis = np.multiply([one["orientation"][i] for i in (0, 3, 6)], [-1, -1, 1])
            np.testing.assert_array_equal(x_axis, pose[:3, 0])
        np.testing.assert_array_equal(hf.read_poses(tmp_path / "a.mrk.json"), MANY.poses)


SHAPE, STEPS = (20, 30, 25), (9.0, 8.0, 9.5)


def scan(path, order=(0, 1, 2), flips=(1, 1, 1)):
    """Save a tilted image, its axes in any order; returns the matrix of its voxels, as if in RAS."""
    affine = rotation([0.1, -0.05, 0.08])
    affine[:3, 3] = [-80, -120, -90]
    affine = affine @ np.diag([*STEPS, 1.0])
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.uint8), affine)
    from_ras = np.column_stack([np.argsort(order), flips])
    nibabel.save(image.as_reoriented(from_ras), path)
    return affine


COLUMNS = "x y z alpha beta gamma r g b size label x_seed y_seed z_seed is_target session_id"
WORLD = "x_world y_world z_world alpha_world beta_world gamma_world"


def mkss(*markers, world=True):
    """Markers of InVesalius: each a name, six own values, and six of the world or None."""
    lines = ["##INVESALIUS3_MARKER_FILE_0", "\t".join(f"{COLUMNS} {WORLD if world else ''}".split())]
    for name, own, values in markers:
        cells = [*map(repr, own), "1", "0", "0", "2", f'"{name}"', "0", "0", "0", "True", "1"]
        if world:
            cells += ["None"] * 6 if values is None else [repr(float(value)) for value in values]
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def with_headfield_axes(matrix):
    """x of InVesalius is the prolongation of the handle, headfield's y; its z points away from the head."""
    pose = matrix.copy()
    pose[:3, 1], pose[:3, 2] = matrix[:3, 0], -matrix[:3, 2]
    pose[:3, 0] = np.cross(pose[:3, 1], pose[:3, 2])
    return pose


class TestInVesalius:
    OWN = (60.5, 41.25, 150.0, 12.0, -35.0, 170.0)

    def expected(self, affine):
        """The voxel at (x, n - 1 - y, z) mm, and the axes of the angles in the image."""
        x, y, z, *angles = self.OWN
        voxel = np.array([x / STEPS[0], SHAPE[1] - 1 - y / STEPS[1], z / STEPS[2], 1])
        matrix = np.eye(4)
        matrix[:3, :3] = affine[:3, :3] / STEPS @ Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
        matrix[:, 3] = affine @ voxel
        return matrix

    def world(self, matrix):
        angles = Rotation.from_matrix(matrix[:3, :3]).as_euler("xyz", degrees=True)
        return [*matrix[:3, 3], *angles]

    def test_world_coordinates(self, tmp_path):
        matrix = self.expected(scan(tmp_path / "t1.nii"))
        lines = mkss(("M1", self.OWN, self.world(matrix)), ("LEI", (1.0, 2, 3, 0, 0, 0), [1, 2, 3, 4, 5, 6]))
        (tmp_path / "a.mkss").write_text(lines)
        with pytest.warns(UserWarning, match="1 of 2 markers have no axes: left out: LEI"):
            found = hf.read_pose_list(tmp_path / "a.mkss")
        np.testing.assert_allclose(found.poses, [with_headfield_axes(matrix)], atol=1e-12)
        assert (found.names, found.kind) == (("M1",), "InVesalius markers, world coordinates")

    @pytest.mark.parametrize(
        ("order", "flips"), [((0, 1, 2), (1, 1, 1)), ((2, 0, 1), (-1, 1, -1)), ((1, 0, 2), (1, -1, 1))]
    )
    def test_by_the_scan(self, tmp_path, order, flips):
        matrix = self.expected(scan(tmp_path / "t1.nii.gz", order, flips))
        (tmp_path / "a.mkss").write_text(mkss(("M1", self.OWN, None), world=False))
        found = hf.read_poses(tmp_path / "a.mkss", scan=tmp_path / "t1.nii.gz")
        np.testing.assert_allclose(found, [with_headfield_axes(matrix)], atol=1e-4)  # the image is float32

    def test_world_coordinates_that_are_not_the_scans(self, tmp_path):
        matrix = self.expected(scan(tmp_path / "t1.nii"))
        wrong = self.world(matrix)
        wrong[1] += 30
        (tmp_path / "a.mkss").write_text(mkss(("M1", self.OWN, wrong), ("M2", self.OWN, self.world(matrix))))
        with pytest.warns(
            UserWarning, match="of 1 marker is up to 30 mm off those that follow from the scan"
        ):
            found = hf.read_poses(tmp_path / "a.mkss", scan=tmp_path / "t1.nii")
        np.testing.assert_allclose(found, [with_headfield_axes(matrix)] * 2, atol=1e-4)

    def test_json(self, tmp_path):
        keys = [*COLUMNS.split()[:6], *WORLD.split()]
        world = self.world(MANY.poses[0])
        marker = dict(zip(keys, [*self.OWN, *world], strict=True)) | {"label": "M1"}
        for content in ([marker], {"markers": [marker]}):
            (tmp_path / "a.mkss").write_text(json.dumps(content))
            found = hf.read_pose_list(tmp_path / "a.mkss")
            np.testing.assert_allclose(found.poses, [with_headfield_axes(MANY.poses[0])], atol=1e-12)
            assert found.names == ("M1",)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (mkss(("M1", OWN, None)), r"1 markers have no world coordinates, for which scan= \(--scan\)"),
            (mkss(("M1", OWN, None), world=False), "have no world coordinates"),
            ("x\ty\n", "not an InVesalius marker file"),
            ("##INVESALIUS3_MARKER_FILE_0\nx\ty\tz\n", "line 2: no column alpha"),
            (mkss(("M1", OWN, [0] * 6)).replace("41.25", "abc"), "line 3, y: 'abc' is not a number"),
            ('{"a": 1}', "JSON without a list of markers"),
            ("[1", "not JSON"),
        ],
    )
    def test_refused(self, tmp_path, text, words):
        (tmp_path / "a.mkss").write_text(text)
        with pytest.raises(hf.HeadfieldError, match=words):
            hf.read_poses(tmp_path / "a.mkss")


HEAD = """*********
Subject 1
*********

Coordinate system: MRI coordinate system

Landmarks (mm)

\tx\ty\tz\tLandmark Type

\t84.6\t107.3\t201.5\tMRI landmark: Nose/Nasion

\t140.9\t78.5\t94.8\tMRI landmark: Left ear

\t4.1\t90.1\t111.3\tMRI landmark: Right ear


\t\t\tTime\tStim.\tUser\tCoil\t\t\tCoil\t\t\tCoil\t\t\tEF max.\t\t\tEF max.
\t\tID\t(ms)\tType\tResp.\tLoc.\t\t\tNormal\t\t\tDir.\t\t\tLoc.\t\t\tValue
\t\t\t\t\t\tx\ty\tz\tx\ty\tz\tx\ty\tz\tx\ty\tz\t(V/m)
\t\t\t\t\t\t(mm)\t(mm)\t(mm)\t\t\t\t\t\t\t(mm)\t(mm)\t(mm)

"""
# A stimulation of the left hand area, as an export has it that is public.
ROW = (
    "\t\t1.2.11.\t96286\tSingle\t-\t130.6\t192.5\t103.7\t0.7584\t0.6509\t-0.0339"
    "\t-0.1679\t0.2453\t0.9548\t115.0\t175.4\t99.4\t54.9\n"
)


class TestNexstim:
    @pytest.fixture
    def t1(self, tmp_path):
        """Voxels of 2 mm along the axes of the scanner."""
        affine = np.diag([2.0, 2, 2, 1])
        affine[:3, 3] = -128
        nibabel.save(nibabel.Nifti1Image(np.zeros((85, 128, 128), np.uint8), affine), tmp_path / "t1.nii")
        return tmp_path / "t1.nii"

    @pytest.mark.filterwarnings("ignore:.*known to a voxel")
    @pytest.mark.parametrize("name", ["a.nbe", "a.txt"])
    def test_a_stimulation(self, tmp_path, t1, name):
        (tmp_path / name).write_text(HEAD + ROW)
        found = hf.read_pose_list(tmp_path / name, scan=t1)
        (pose,) = found.poses
        np.testing.assert_allclose(pose[:3, 3], [170 - 130.6 - 128, 103.7 - 128, 192.5 - 128], atol=1e-12)
        np.testing.assert_allclose(pose[:3, 2], [0.7584, 0.0339, -0.6509], atol=2e-4)  # into the head
        np.testing.assert_allclose(
            pose[:3, 1], [0.1679, 0.9548, 0.2453], atol=2e-4
        )  # forward and to the middle
        deepest = np.array([170 - 115.0 - 128, 99.4 - 128, 175.4 - 128])
        along = (deepest - pose[:3, 3]) @ pose[:3, 2]
        assert (
            along > 0.9 * np.linalg.norm(deepest - pose[:3, 3]) > 15
        )  # the maximum of E lies under the coil
        assert (found.names, found.kind) == (("1.2.11",), "Nexstim stimulations, placed by the scan")

    @pytest.mark.filterwarnings("ignore:.*known to a voxel")
    def test_lost_ones_decimal_commas_and_a_second_session(self, tmp_path, t1):
        lost = "\t".join(word if at < 6 else "-" for at, word in enumerate(ROW.split("\t")))
        text = HEAD + ROW + lost.replace("1.2.11", "1.2.12") + "\n" + HEAD + ROW.replace("1.2.11", "2.1.1")
        (tmp_path / "a.nbe").write_text(text.replace("0.", "0,"))
        with pytest.warns(
            UserWarning, match=r"1 of 3 stimulations have no coil location: left out: 1\.2\.12"
        ):
            found = hf.read_pose_list(tmp_path / "a.nbe", scan=t1)
        assert found.names == ("1.2.11", "2.1.1")
        np.testing.assert_array_equal(found.poses[0], found.poses[1])

    def test_how_exact_it_is_is_said(self, tmp_path, t1):
        (tmp_path / "a.nbe").write_text(HEAD + ROW)
        with pytest.warns(UserWarning, match="known to a voxel of the scan only: positions may be 2 mm off"):
            hf.read_poses(tmp_path / "a.nbe", scan=t1)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("1 0 0 0", "states no coordinate system"),
            (HEAD.replace("MRI coord", "Talairach coord") + ROW, "export it in the MRI coordinate system"),
            (HEAD + ROW.replace("192.5", "abc"), "'abc' is not a number"),
            (HEAD.replace("Dir.", "Turn") + ROW, "no columns for the coil's Loc., Normal and Dir."),
            (HEAD, "no poses in this file: 0 stimulations"),
            (HEAD.replace("140.9", "0.9") + ROW, "landmarks don't lie as in Nexstim's coordinates"),
            (HEAD.replace("201.5", "301.5") + ROW, "'nose/nasion' does not lie in the scan"),
            (HEAD + ROW[:40] + "\n", "columns where 15 are needed"),
        ],
    )
    def test_refused(self, tmp_path, t1, text, words):
        (tmp_path / "a.nbe").write_text(text)
        with pytest.raises(hf.HeadfieldError, match=words):
            hf.read_poses(tmp_path / "a.nbe", scan=t1)

    def test_without_the_scan(self, tmp_path):
        (tmp_path / "a.nbe").write_text(HEAD + ROW)
        with pytest.raises(hf.PoseError, match=r"a\.nbe: Nexstim counts from the edges .* scan= \(--scan\)"):
            hf.read_poses(tmp_path / "a.nbe")


@pytest.mark.parametrize("ending", [".csv", ".xml", ".mat"])
def test_a_scan_that_would_not_be_used(tmp_path, ending):
    write_poses(tmp_path / f"a{ending}", POSE)
    with pytest.raises(hf.PoseError, match=r"scan= \(--scan\) is for files of InVesalius and Nexstim"):
        hf.read_poses(tmp_path / f"a{ending}", scan="t1.nii")


def test_a_scan_of_slanting_axes(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.1
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), affine), tmp_path / "t1.nii")
    (tmp_path / "a.nbe").write_text(HEAD + ROW)
    with pytest.raises(hf.PoseError, match=r"t1\.nii: the axes of this image are not at right angles"):
        hf.read_poses(tmp_path / "a.nbe", scan=tmp_path / "t1.nii")
