# SPDX-License-Identifier: BSD-3-Clause
"""Tell what a file is: a head, a coil, poses or something that goes with them."""

from __future__ import annotations

import os

from ..coils.endings import COIL_ENDINGS, WIRE_ENDINGS
from ..coils.formats.casings import CASING_ENDINGS
from ..coils.formats.wire_text import holds_wire
from ..errors import FileFormatError
from ..fields.images import DESCRIBED
from ..fields.note import note_in
from ..fields.stream import H5_ENDINGS
from ..io.columns import TABLE_ENDINGS
from ..io.nifti import read_description, read_grid
from ..io.regular import check_regular, ending_of
from ..io.volume import FREESURFER_ENDINGS, NIFTI_ENDINGS
from ..poses.read import is_pose_file

__all__ = ["kind_of"]

_ELECTRODES = (b"electrode,", b"referenceelectrode,", b"fiducial,")  # how their lines begin
_COLUMN = b"magnE_V_per_m"  # in the first line of a table of numbers


def kind_of(path: str | os.PathLike[str]) -> str:
    """Tell what a file or folder is, by its ending and, where others share that, its beginning.

    Parameters
    ----------
    path : path

    Returns
    -------
    str
        "subject" (a folder), "coil" (also the path of its wire), "poses", "eeg" (electrode positions),
        "casing" (a triangle surface), "tensors" (an image of six components), "field" (an image of a result),
        "image" (of one number per voxel: labels of tissues, or an MRI), "result" (an .h5, or a .msh or .vtu
        that says it is one of headfield) or "mesh" (every other file; its reader says if it isn't one).

    Raises
    ------
    FileFormatError
        Not a regular file, an image of another number of components, a table of `--keep metrics`, or the
        results of a job.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a.ccd").write_text("# one coil")
    ...     kind_of(folder), kind_of(folder + "/a.ccd")
    ('subject', 'coil')
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        if os.path.isfile(os.path.join(name, "job.json")):
            raise FileFormatError(f"{name}: the results of a job, see headfield jobs show {name}")
        return "subject"
    check_regular(name, FileFormatError)
    if ending_of(name) in H5_ENDINGS or note_in(name) is not None:
        return "result"
    lower = name.lower()
    if lower.endswith(NIFTI_ENDINGS):
        return _image(name)
    if lower.endswith(FREESURFER_ENDINGS):
        return "image"
    if lower.endswith(COIL_ENDINGS):
        return "coil"
    if lower.endswith(CASING_ENDINGS):
        return "casing"
    _refuse_numbers(name)
    if lower.endswith(".csv") and _holds_electrodes(name):
        return "eeg"
    if lower.endswith(WIRE_ENDINGS) and holds_wire(name):
        return "coil"
    return "poses" if is_pose_file(name) else "mesh"


def _image(name: str) -> str:
    _, shape = read_grid(name)
    if read_description(name).startswith(DESCRIBED):
        return "field"
    if len(shape) == 4 and shape[3] == 6:
        return "tensors"
    if len(shape) in (4, 5) and 3 in shape[3:]:
        return "coil"
    if len(shape) == 3 or (len(shape) > 3 and set(shape[3:]) == {1}):
        return "image"
    raise FileFormatError(
        f"{name}: an image of shape {shape}; labels have no components, a coil has 3, tensors have 6; "
        "maps of tissues are what `headfield mesh --tissues TISSUE,...` takes"
    )


def _refuse_numbers(name: str) -> None:
    """Raise FileFormatError for a table of numbers of poses, which is text that other programs read."""
    if ending_of(name) not in TABLE_ENDINGS:
        return
    with open(name, "rb") as file:
        is_table = name.lower().endswith(".parquet") or _COLUMN in file.readline(4096)
    if is_table:
        raise FileFormatError(
            f"{name}: a table with a row of numbers for each pose, as --keep metrics and jobs write; "
            "programs for tables read it, such as pandas"
        )


def _holds_electrodes(name: str) -> bool:
    with open(name, "rb") as file:
        lines = file.read(4096).removeprefix(b"\xef\xbb\xbf").lower().splitlines()
    return any(line.strip().replace(b" ", b"").startswith(_ELECTRODES) for line in lines[:20])
