# SPDX-License-Identifier: BSD-3-Clause
"""One pose as each navigation system writes it, by hand, and poses to write."""

import json

import numpy as np

from headfield.poses.pose_list import PoseList
from headfield.poses.write import write_poses

# On the left of the head: z to the right, into it; y, the prolongation of the handle, forward; x = y × z.
POSE = np.array([[0.0, 0, 1, -80], [0, 1, 0, -5], [-1, 0, 0, 30], [0, 0, 0, 1]])
ENDINGS = [".npy", ".csv", ".txt", ".xml", ".stmpx", ".mrk", ".mrk.json", ".mat"]


def xml_matrix(rows) -> str:
    return "<Matrix4D " + " ".join(f'data{i}{j}="{rows[i][j]}"' for i in range(4) for j in range(4)) + "/>"


def instrument(rows, space="RAS", **attributes) -> str:
    more = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return (
        f'<InstrumentMarkerList coordinateSpace="{space}"><InstrumentMarker index="0">'
        f"<Marker {more}>{xml_matrix(rows)}</Marker></InstrumentMarker></InstrumentMarkerList>"
    )


def trigger(rows, value, unit="A/us", **attributes) -> str:
    more = " ".join(f'{key}="{text}"' for key, text in attributes.items())
    marker = f'<ResponseValues><Value key="valueA" response="{value}"/></ResponseValues>' if value else ""
    return (
        f'<TriggerMarkerList coordinateSpace="RAS"><responseDescription id="valueA" unit="{unit}"/>'
        f"<TriggerMarker {more}>{marker}{xml_matrix(rows)}</TriggerMarker>"
        f"</TriggerMarkerList>"
    )


# Localite: x into the head, y along the handle, z what is left. LPS: the first two rows negated.
LOCALITE = [[1, 0, 0, -80], [0, -1, 0, -5], [0, 0, -1, 30], [0, 0, 0, 1]]
LOCALITE_LPS = [[-1, 0, 0, 80], [0, 1, 0, 5], [0, 0, -1, 30], [0, 0, 0, 1]]
COLUMNS = "Loc. X\tLoc. Y\tLoc. Z\tm0n0\tm0n1\tm0n2\tm1n0\tm1n1\tm1n2\tm2n0\tm2n1\tm2n2"
# Brainsight: m2 outward, m1 the prolongation of the handle.
BRAINSIGHT_ROW = "M1\t-80.000\t-5.000\t30.000\t0.000\t0.000\t1.000\t0.000\t1.000\t0.000\t-1.000\t0.000\t0.000"
BRAINSIGHT = f"# Version: 7\n# Coordinate system: NIfTI:Scanner\n# Target Name\t{COLUMNS}\n{BRAINSIGHT_ROW}\n"
# Softaxic: x the prolongation of the handle, z into the head.
SOFTAXIC = (
    '<!DOCTYPE stmp>\n<stmp><fmpm><fmp id="M1"><fp m00="0" m01="0" m02="1" m10="1" m11="0" m12="0" '
    'm20="0" m21="1" m22="0" x="-80" y="-5" z="30"><f x="-95" y="-5" z="30"/></fp></fmp></fmpm></stmp>'
)
TARGET = {
    "Name": "M1",
    "CoordinateSystem": "ASSOCIATED_IMAGE",
    "PositionalUnit": "mm",
    "CoilAxesConvention": "simnibs",
    "CoilPose": {"RigidTransformMatrix4x4": POSE.tolist()},
}
CSV = (
    "name,centre_x_mm,centre_y_mm,centre_z_mm,z_axis_x,z_axis_y,z_axis_z,y_axis_x,y_axis_y,y_axis_z\n"
    "M1,-80,-5,30,1,0,0,0,1,0\n"
)


def visor(**changes) -> str:
    return json.dumps({"TargetMarkers": [{"CoilTarget": TARGET | changes}]})


def rotation(angles) -> np.ndarray:
    """Any rotation, from three angles."""
    pose = np.eye(4)
    for axis, angle in enumerate(angles):
        turn = np.eye(4)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        pose = pose @ turn
    return pose


def some_poses(count=3) -> PoseList:
    rng = np.random.default_rng(3)
    poses = np.array([rotation(rng.uniform(-3, 3, 3)) for _ in range(count)])
    poses[:, :3, 3] = rng.uniform(-100, 100, (count, 3))
    return PoseList(poses, [f"M{i}" for i in range(count)], rng.uniform(1e6, 1e8, count))


def save(path, poses: PoseList, didt=True) -> None:
    """Without the warning that the format holds no dI/dt."""
    keeps = path.suffix in (".csv", ".xml", ".mat") and didt
    write_poses(path, poses.poses, poses.names, poses.didt if keeps else None)
