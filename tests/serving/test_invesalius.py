# SPDX-License-Identifier: BSD-3-Clause
"""The connection object for InVesalius: what it returns, what is the frame of what, what it refuses."""

import functools
import inspect

import meshio
import nibabel
import numpy as np
import pytest
from given.engines import Made, Solver

import headfield as hf
from headfield.poses.formats.invesalius import rotation_of
from headfield.serving.cortex_file import cortex_region, read_cortex

CENTRE = np.array([-20.0, -8, 125])
ANGLES = np.array([10.0, -20, 75])
BEM = {"mesh_models_paths": [], "conductivities_inside": [], "conductivities_outside": []}


@functools.cache
def model():
    return hf.HeadModel(hf.phantom_head(edge_mm=8), threads=1)


@functools.cache
def coil():
    return hf.figure_of_eight(spacing_mm=10.0)


@functools.cache
def layer():
    whole = hf.regions.mid_layer(model().mesh)
    return whole.part(np.linalg.norm(whole.centres_mm - [-40, -8, 50], axis=1) < 20)


def connection(**options):
    return hf.InVesaliusConnection(Solver(model(), layer()), coil(), 60e6, **options)


def pose_in_headfields_axes(rotation, centre=CENTRE):
    """x of InVesalius is headfield's y, its z headfield's -z."""
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = rotation[:, 1], rotation[:, 0], -rotation[:, 2]
    pose[:3, 3] = centre
    return pose


def write_cortex(path, nodes=None):
    meshio.Mesh(layer().centres_mm if nodes is None else nodes, [("triangle", layer().faces)]).write(path)


class TestValues:
    def test_they_are_those_of_a_solve(self):
        rotation = rotation_of(ANGLES)
        field = model().solve(coil(), pose_in_headfields_axes(rotation), 60e6, roi=layer())
        one = connection()
        ids = [7, 3, 3, 0]
        np.testing.assert_array_equal(one.update_efield(CENTRE, ANGLES, rotation), field.magnitude[0])
        rows = one.update_efield_vectorROI(CENTRE, ANGLES, rotation, ids)
        assert (rows.shape, rows.dtype) == ((4, 4), np.float32)
        np.testing.assert_array_equal(rows[:, 0], field.magnitude[0, ids])
        np.testing.assert_array_equal(rows[:, 1:], field.E[0, ids])
        assert one.field.report.converged.all()

    def test_the_maximum(self):
        rotation = rotation_of(ANGLES)
        ids = np.arange(5, 25)
        found = connection().update_efield_vectorROIMax(CENTRE, ANGLES, rotation, ids)
        assert found.rows[found.vertex - 5, 0] == found.rows[:, 0].max()
        np.testing.assert_allclose(found.place_mm, layer().centres_mm[found.vertex], atol=1e-9)
        for which, expected in (("rows", found.rows), ("vertex", found.vertex), ("place", found.place_mm)):
            alone = connection(maximum=which).update_efield_vectorROIMax(CENTRE, ANGLES, rotation, ids)
            np.testing.assert_array_equal(alone, expected)

    def test_an_empty_list_has_no_rows(self):
        assert connection().update_efield_vectorROI(CENTRE, ANGLES, rotation_of(ANGLES), []).shape == (0, 4)

    def test_didt_and_its_unit(self):
        rotation = rotation_of(ANGLES)
        one, in_micro = connection(), connection(didt_unit=1e6)
        one.set_dIperdt(30e6)
        in_micro.set_dIperdt(30)
        first = one.update_efield(CENTRE, ANGLES, rotation)
        np.testing.assert_array_equal(first, in_micro.update_efield(CENTRE, ANGLES, rotation))
        np.testing.assert_allclose(2 * first, connection().update_efield(CENTRE, ANGLES, rotation), rtol=1e-5)

    def test_another_coil_by_name_or_file(self, tmp_path):
        ring = hf.circular_coil()
        ring.write(tmp_path / "ring.ccd")
        expected = model().solve(ring, pose_in_headfields_axes(rotation_of(ANGLES)), 60e6, roi=layer())
        for path in ("C:\\coils\\ring.stl", str(tmp_path / "ring.ccd")):
            one = connection(coils={"ring.stl": ring})
            one.set_coil(path, False)
            before = one.update_efield(CENTRE, ANGLES, rotation_of(ANGLES))
            one.set_coil(path, True)
            after = one.update_efield(CENTRE, ANGLES, rotation_of(ANGLES))
            np.testing.assert_allclose(after, expected.magnitude[0], rtol=1e-3)
            assert not np.allclose(before, after, rtol=0.1)


class TestFrames:
    def test_its_poses_are_those_of_its_marker_files(self, tmp_path):
        columns = "x y z alpha beta gamma label x_world y_world z_world alpha_world beta_world gamma_world"
        row = [*"000001", "M1", *CENTRE, *ANGLES]
        lines = ["##INVESALIUS3_MARKER_FILE_0", columns.replace(" ", "\t"), "\t".join(map(str, row))]
        (tmp_path / "a.mkss").write_text("\n".join(lines) + "\n")
        expected = hf.read_poses(tmp_path / "a.mkss")[0]
        engine = Recorder()
        hf.InVesaliusConnection(engine, coil()).update_efield(CENTRE, ANGLES, rotation_of(ANGLES))
        np.testing.assert_allclose(engine.pose, expected, atol=1e-12)

    def test_its_own_coordinates(self, tmp_path):
        affine = np.diag([1.0, 1.5, 2.0, 1.0])
        affine[:3, 3] = [-90, -120, -70]
        nibabel.save(nibabel.Nifti1Image(np.zeros((181, 160, 100), np.uint8), affine), tmp_path / "t1.nii")
        own = CENTRE - affine[:3, 3]
        own[1] = 1.5 * 159 - own[1]
        engine = Recorder()
        one = hf.InVesaliusConnection(engine, coil(), scan=tmp_path / "t1.nii")
        one.update_efield(own, ANGLES, rotation_of(ANGLES))
        np.testing.assert_allclose(engine.pose, pose_in_headfields_axes(rotation_of(ANGLES)), atol=1e-9)

    def test_another_frame_turns_vectors_and_places(self):
        to_head = np.eye(4)
        to_head[:3, :3], to_head[:3, 3] = rotation_of(np.array([0.0, 0, 90])), [5, 6, 7]
        back = np.linalg.inv(to_head)
        rotation, centre = back[:3, :3] @ rotation_of(ANGLES), back[:3, :3] @ CENTRE + back[:3, 3]
        ids = [3, 9, 12]
        plain = connection().update_efield_vectorROIMax(CENTRE, None, rotation_of(ANGLES), ids)
        found = connection(to_head=to_head).update_efield_vectorROIMax(centre, None, rotation, ids)
        np.testing.assert_allclose(found.rows[:, 0], plain.rows[:, 0], rtol=1e-4)
        np.testing.assert_allclose(
            found.rows[:, 1:] @ to_head[:3, :3].T, plain.rows[:, 1:], atol=1e-3 * plain.rows[:, 0].max()
        )
        np.testing.assert_allclose(to_head[:3, :3] @ found.place_mm + [5, 6, 7], plain.place_mm, atol=1e-9)

    def test_other_axes_of_the_coil(self):
        engine = Recorder()
        one = hf.InVesaliusConnection(engine, coil(), axes=np.eye(3))
        one.update_efield(CENTRE, None, rotation_of(ANGLES))
        np.testing.assert_array_equal(engine.pose[:3, :3], rotation_of(ANGLES))

    def test_angles_that_say_something_else_are_told_once(self):
        one = connection()
        with pytest.warns(UserWarning, match=r"orientation differ by 30\.0°: T_rot is"):
            one.update_efield(CENTRE, ANGLES, rotation_of(ANGLES) @ rotation_of(np.array([30.0, 0, 0])))
        one.update_efield(CENTRE, ANGLES, rotation_of(ANGLES) @ rotation_of(np.array([30.0, 0, 0])))

    def test_angles_may_be_taken(self):
        engine = Recorder()
        one = hf.InVesaliusConnection(engine, coil(), rotation="orientation")
        with pytest.warns(UserWarning, match="orientation is taken"):
            one.update_efield(CENTRE, ANGLES, np.eye(3))
        np.testing.assert_allclose(engine.pose, pose_in_headfields_axes(rotation_of(ANGLES)), atol=1e-12)
        with pytest.raises(hf.PoseError, match="orientation is None"):
            one.update_efield(CENTRE, None, np.eye(3))


class Recorder(Made):
    """Keeps the last pose."""

    def __init__(self):
        super().__init__(layer())

    def field(self, coil, poses, didt=1e6):
        self.pose = np.array(poses)
        return super().field(coil, poses, didt)


class TestCortex:
    @pytest.mark.parametrize("ending", [".ply", ".obj", ".stl"])
    def test_the_engine_is_built_for_the_file(self, tmp_path, ending):
        path = tmp_path / f"cortex{ending}"
        write_cortex(path)
        region = cortex_region(model().mesh, path)
        one = hf.InVesaliusConnection(Solver(model(), region), coil())
        with pytest.warns(UserWarning, match="boundary-element model"):
            done = one.initialize_efield(path, ["skin.stl"], "coil.ccd", False, [0.33], [0.0], 80e6)
        assert done is True
        assert one.update_efield(CENTRE, None, rotation_of(ANGLES)).shape == (len(region),)

    def test_a_stl_is_numbered_as_it_comes(self, tmp_path):
        nodes = layer().centres_mm.astype(np.float32)
        write_cortex(tmp_path / "cortex.stl", nodes)
        read, faces = read_cortex(tmp_path / "cortex.stl")
        np.testing.assert_allclose(read[faces], nodes[layer().faces], atol=1e-4)
        first = np.unique(faces, return_index=True)[1]
        assert (np.diff(first) > 0).all()

    def test_dI_per_dt_by_name(self, tmp_path):
        write_cortex(tmp_path / "cortex.ply")
        one = connection()
        one.initialize_efield(
            cortex_model_path=tmp_path / "cortex.ply",
            coil_model_path="",
            coil_set=False,
            dI_per_dt=80e6,
            **BEM,
        )
        rotation = rotation_of(ANGLES)
        expected = model().solve(coil(), pose_in_headfields_axes(rotation), 80e6, roi=layer()).magnitude[0]
        np.testing.assert_allclose(one.update_efield(CENTRE, None, rotation), expected, rtol=1e-5)
        assert list(inspect.signature(one.initialize_efield).parameters)[:6] == [
            *("cortex_model_path", "mesh_models_paths", "coil_model_path", "coil_set"),
            *("conductivities_inside", "conductivities_outside"),
        ]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda nodes: nodes + [0, 0, 5], "more than 2 mm from those that the engine was built for"),
            (lambda nodes: nodes[::-1], "another order of vertices"),
            (
                lambda nodes: np.concatenate([nodes, nodes[:1]]),
                r"vertices, the engine was .*: build",
            ),
            (lambda nodes: nodes * 1e-3, "cortex_region"),
        ],
    )
    def test_another_cortex_is_refused(self, tmp_path, change, words):
        write_cortex(tmp_path / "cortex.ply", change(layer().centres_mm))
        one = connection()
        with pytest.raises(hf.RegionError, match=words):
            one.initialize_efield(tmp_path / "cortex.ply", [], "", False, [], [], 80e6)

    def test_nothing_changes_if_it_is_refused(self, tmp_path):
        write_cortex(tmp_path / "cortex.ply")
        one = connection()
        before = one.update_efield(CENTRE, None, rotation_of(ANGLES))
        with pytest.raises(hf.CoilError):
            one.initialize_efield(tmp_path / "cortex.ply", [], "coil.stl", True, [], [], 80e6)
        np.testing.assert_array_equal(one.update_efield(CENTRE, None, rotation_of(ANGLES)), before)

    def test_damaged_files(self, tmp_path):
        (tmp_path / "a.ply").write_bytes(b"ply\nformat ascii 1.0\n")
        with pytest.raises(hf.RegionError, match=r"a\.ply"):
            read_cortex(tmp_path / "a.ply")
        with pytest.raises(hf.FileFormatError, match="a cortex is read from"):
            read_cortex(tmp_path / "a.docx")


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            (([0, 0], None, np.eye(3)), hf.PoseError, "position must be three numbers"),
            (([0, 0, np.nan], None, np.eye(3)), hf.PoseError, "position"),
            ((CENTRE, None, np.eye(4)), hf.PoseError, "T_rot must be a rotation"),
            ((CENTRE, None, 1.1 * np.eye(3)), hf.PoseError, "T_rot: axes not orthonormal"),
            ((CENTRE, None, -np.eye(3)), hf.PoseError, "T_rot: left-handed"),
            ((CENTRE, None, np.full((3, 3), np.inf)), hf.PoseError, "T_rot"),
            ((CENTRE, [0, 0], np.eye(3)), hf.PoseError, "three angles"),
        ],
    )
    def test_poses(self, arguments, error, words):
        with pytest.raises(error, match=words):
            connection().update_efield(*arguments)

    @pytest.mark.parametrize("ids", [[-1], [10**6], [0.5], [[0, 1]], ["a"]])
    def test_ids(self, ids):
        for method in ("update_efield_vectorROI", "update_efield_vectorROIMax"):
            with pytest.raises(hf.ArgumentError, match="id_list"):
                getattr(connection(), method)(CENTRE, None, np.eye(3), ids)
        with pytest.raises(hf.ArgumentError, match="no maximum"):
            connection().update_efield_vectorROIMax(CENTRE, None, np.eye(3), [])

    def test_calls(self):
        with pytest.raises(hf.ArgumentError, match="dI_per_dt"):
            connection().set_dIperdt(np.nan)
        with pytest.raises(hf.ArgumentError, match="0 values of dI_per_dt"):
            connection().initialize_efield("a.ply", [], "", False, [], [])
        with pytest.raises(hf.ArgumentError, match="true or false"):
            connection().set_coil("coil.ccd", "yes")
        with pytest.raises(hf.CoilError, match=r"InVesaliusConnection\(coils=\{'coil.stl': coil\}\)"):
            connection().set_coil("coil.stl", True)
        bare = hf.InVesaliusConnection(Solver(model(), layer()))
        with pytest.raises(hf.CoilError, match="no coil is set"):
            bare.update_efield(CENTRE, None, np.eye(3))

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"rotation": "both"}, hf.ArgumentError),
            ({"maximum": "none"}, hf.ArgumentError),
            ({"didt_unit": 0.0}, hf.ArgumentError),
            ({"tolerance_mm": -1.0}, hf.ArgumentError),
            ({"axes": -np.eye(3)}, hf.PoseError),
            ({"to_head": np.diag([1, 1, 2, 1.0])}, hf.PoseError),
            ({"coils": {"a.stl": "coil"}}, hf.CoilError),
        ],
    )
    def test_options(self, options, error):
        with pytest.raises(error):
            connection(**options)

    def test_an_engine_of_tetrahedra(self):
        with pytest.raises(hf.RegionError, match="cortex_region"):
            hf.InVesaliusConnection(Solver(model(), hf.regions.tissue(model().mesh, 2)), coil())
