# SPDX-License-Identifier: BSD-3-Clause
"""Where the files of a subject lie in the folders of SimNIBS 3 and of SimNIBS 4.

SimNIBS 4 (CHARM, also 4.5 and 4.6) has everything in `m2m_x`; SimNIBS 3 (headreco, mri2mesh) has the head
mesh `x.msh` and the tensors `d2c_x` beside it. Tensors in a folder `d2c_x` are found in both.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import FileFormatError, MeshError

__all__ = [
    "PREFIX",
    "SIMNIBS_3",
    "SIMNIBS_4",
    "find_folder",
    "find_mesh",
    "find_surfaces",
    "find_tensors",
    "listed",
]

PREFIX = "m2m_"
SIMNIBS_3 = "SimNIBS 3: head mesh beside the folder"
SIMNIBS_4 = "SimNIBS 4: head mesh in the folder"

_TENSORS = ("DTI_coregT1_tensor", "DTI_conf_tensor")
# What follows the name of a surface: nothing, the number of its nodes, or what CAT12 calls the T1 image.
_SURFACE = re.compile(r"(?P<name>[lr]h\.[A-Za-z]+(?:\.reg)?)(?:\.T1fs_conform)?(?:\.(?P<count>\d+))?\.gii")
_LISTED = 8


def find_folder(path: Path) -> Path:
    """Return the folder m2m_x itself, or the only one in it; FileFormatError without one or with several."""
    if not path.is_dir():
        raise FileFormatError(f"no folder {path}; a subject folder m2m_… is needed")
    if path.name.startswith(PREFIX) and len(path.name) > len(PREFIX):
        return path
    inside = sorted(each for each in path.glob(PREFIX + "?*") if each.is_dir())
    if len(inside) != 1:
        raise FileFormatError(f"{path} is not a subject folder m2m_…; such folders in it: {listed(inside)}")
    return inside[0]


def find_mesh(folder: Path) -> tuple[Path, str]:
    """Return the path of the head mesh, and in which layout it was found.

    `x.msh` in the folder m2m_x or, failing that, beside it; else the only .msh in the folder.

    Raises
    ------
    MeshError
        There is none of these.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name, "m2m_anna")
    ...     folder.mkdir()
    ...     Path(name, "anna.msh").touch()
    ...     path, layout = find_mesh(folder)
    >>> path.name, layout
    ('anna.msh', 'SimNIBS 3: head mesh beside the folder')
    """
    mesh = folder.name.removeprefix(PREFIX) + ".msh"
    for path, layout in ((folder / mesh, SIMNIBS_4), (folder.parent / mesh, SIMNIBS_3)):
        if path.is_file():
            return path, layout
    others = sorted(folder.glob("*.msh"))
    if len(others) != 1:
        raise MeshError(
            f"no {mesh} in {folder}, nor beside it as SimNIBS 3 has it; .msh files there: {listed(others)}"
        )
    return others[0], SIMNIBS_4


def find_tensors(folder: Path) -> Path | None:
    """Return the path of the diffusion tensor image, in the folder m2m_x or in a folder d2c_x; or None."""
    other = "d2c_" + folder.name.removeprefix(PREFIX)
    around = [folder.parent / other, folder / other]
    folders = [folder, *(each / "dti_results_T1space" for each in around), *around]
    paths = (
        each / (name + ending) for each in folders for name in _TENSORS for ending in (".nii.gz", ".nii")
    )
    return next((path for path in paths if path.is_file()), None)


def find_surfaces(folder: Path) -> dict[str, Path]:
    """Return the cortical surfaces of a folder m2m_x, by name.

    They are files `lh.central.gii` in `surfaces` (SimNIBS 4) or `segment/cat/surf` (SimNIBS 3 with CAT12).
    Subsampled ones have the number of their nodes in their own name, `lh.central.10000.gii`, or in that of a
    folder, `10000/lh.central.gii`; they are called "lh.central.10000" in both cases.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for file in ("lh.central.gii", "lh.central.500.gii", "600/lh.central.gii"):
    ...         path = Path(name, "surfaces", file)
    ...         path.parent.mkdir(parents=True, exist_ok=True)
    ...         path.touch()
    ...     sorted(find_surfaces(Path(name)))
    ['lh.central', 'lh.central.500', 'lh.central.600']
    """
    found: dict[str, Path] = {}
    for start in (folder / "surfaces", folder / "segment" / "cat" / "surf"):
        for path in sorted(start.glob("*.gii")) + sorted(start.glob("*/*.gii")):
            match = _SURFACE.fullmatch(path.name)
            if match and path.is_file():
                count = match["count"] or (path.parent.name if path.parent != start else "")
                found.setdefault(f"{match['name']}.{count}" if count else match["name"], path)
    return found


def listed(paths: list[Path] | list[str]) -> str:
    """Return the names of files as a message has them, at most eight."""
    names = [Path(path).name for path in paths]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more if names else "none"
