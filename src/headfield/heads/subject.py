# SPDX-License-Identifier: BSD-3-Clause
"""A subject folder as SimNIBS 3 and 4 write it: head mesh, EEG positions, MNI maps, diffusion tensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.locks import cached_property
from ..core.messages import nearest_name
from ..errors import ConductivityError, FileFormatError
from .eeg import EegPositions, read_eeg_positions
from .layout import PREFIX, find_folder, find_mesh, find_surfaces, find_tensors, listed
from .mesh import TetMesh
from .points import find_point
from .read import read_mesh
from .standard import conductivity_of
from .tensors import conductivity_tensors
from .warps import Warp, find_warps, read_warp

__all__ = ["Subject"]

_CAP = "EEG10-10_UI_Jurak_2007.csv"


class Subject:
    """A subject folder `m2m_x` as SimNIBS writes it. Files are read when they are asked for.

    SimNIBS 4 (CHARM, also 4.5 and 4.6) has all files in it. SimNIBS 3 (headreco, mri2mesh) has the head mesh
    `x.msh` and the folder `d2c_x` of diffusion tensors beside it; `layout` says which it is.

    Parameters
    ----------
    path : path
        The folder `m2m_x`, or the folder that holds it, if it holds no other.

    Attributes
    ----------
    folder : Path
        The folder `m2m_x`.
    name : str
        The x of `m2m_x`.
    mesh_path : Path
        The head mesh; MeshError if there is none.
    layout : str
        Where the head mesh is: "SimNIBS 4: head mesh in the folder" or "SimNIBS 3: head mesh beside the
        folder".
    tensor_path : Path or None
        The diffusion tensor image, in `m2m_x` or a folder `d2c_x`.
    eeg_caps : list of str
        Names of the files in `eeg_positions`.
    surface_paths : dict of str to Path
        The cortical surfaces (.gii) there are: "lh.central", and "lh.central.10000" if it is subsampled.

    Raises
    ------
    FileFormatError
        There is no such folder, or it holds no folder `m2m_…` or several.

    Examples
    --------
    >>> import tempfile
    >>> import headfield as hf
    >>> folder = Path(tempfile.mkdtemp()) / "m2m_anna"
    >>> (folder / "eeg_positions").mkdir(parents=True)
    >>> hf.write_mesh(folder / "anna.msh", hf.phantom_head(edge_mm=8))
    >>> text = "Electrode,-46,-8,70,C3\\nElectrode,-46,42,70,F3\\n"
    >>> _ = (folder / "eeg_positions" / "mine.csv").write_text(text)
    >>> subject = hf.Subject(folder)
    >>> subject.name, subject.eeg_caps
    ('anna', ['mine.csv'])
    >>> model = hf.HeadModel(subject.mesh(), subject.conductivity())
    >>> cap = subject.eeg_positions()
    >>> model.place(hf.figure_of_eight(), cap["C3"], cap["F3"]).shape
    (4, 4)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = find_folder(Path(os.path.abspath(path)))
        self.name = self.folder.name.removeprefix(PREFIX)

    def __repr__(self) -> str:
        return f"<Subject {self.name!r} in {self.folder}>"

    @property
    def mesh_path(self) -> Path:
        """Path of the head mesh: `x.msh` in the folder or beside it, or the only .msh of the folder."""
        return find_mesh(self.folder)[0]

    @property
    def layout(self) -> str:
        """Which SimNIBS has its head mesh where this one is; MeshError if there is none."""
        return find_mesh(self.folder)[1]

    def mesh(self) -> TetMesh:
        """Read the head mesh, once.

        Returns
        -------
        TetMesh

        Raises
        ------
        MeshError
            There is no .msh, or there are several and `x.msh` is not among them; or the mesh is damaged.
        """
        return self._mesh

    @cached_property
    def _mesh(self) -> TetMesh:
        return read_mesh(self.mesh_path)

    @property
    def eeg_caps(self) -> list[str]:
        """Names of the .csv files in the folder `eeg_positions`."""
        return sorted(path.name for path in (self.folder / "eeg_positions").glob("*.csv") if path.is_file())

    def eeg_positions(self, cap: str | None = None) -> EegPositions:
        """Read the positions of the electrodes of a cap.

        Parameters
        ----------
        cap : str, optional
            One of `eeg_caps`, with or without ".csv". By default the 10-10 system
            (`EEG10-10_UI_Jurak_2007.csv`), or the only one there is.

        Returns
        -------
        EegPositions
            In the frame of the mesh, mm: `positions["C3"]`.

        Raises
        ------
        FileFormatError
            There is no such cap, or there are several and none was named; or the file is damaged.
        """
        folder, caps = self.folder / "eeg_positions", self.eeg_caps
        wanted = cap
        if cap is None:
            wanted = caps[0] if len(caps) == 1 else _CAP
        if not isinstance(wanted, str) or not {wanted, f"{wanted}.csv"} & set(caps):
            raise FileFormatError(
                f"no cap {wanted!r} in {folder}; there: {listed(caps)}{nearest_name(wanted, caps)}"
            )
        return read_eeg_positions(folder / (wanted if wanted in caps else f"{wanted}.csv"))

    @property
    def tensor_path(self) -> Path | None:
        """Path of the diffusion tensor image, in the folder or in a folder d2c_x, or None without one."""
        return find_tensors(self.folder)

    @property
    def surface_paths(self) -> dict[str, Path]:
        """Paths of the cortical surfaces by their names, see `headfield.heads.layout.find_surfaces`."""
        return find_surfaces(self.folder)

    def conductivity(
        self,
        mode: str = "scalar",
        values: float | Mapping[Any, float] | ArrayLike | None = None,
        *,
        mesh: TetMesh | None = None,
        **limits: Any,
    ) -> NDArray[np.float64]:
        """Return the conductivity of each tetrahedron of the mesh, for `HeadModel`.

        Parameters
        ----------
        mode : {"scalar", "vn", "dir", "mc"}
            "scalar": one value per tissue. The others: tensors in white and gray matter from the diffusion
            tensor image, see `conductivity_tensors`.
        values : None, float, dict of int to float, or array_like (m,)
            Isotropic values, S/m, as for `HeadModel`.
        mesh : TetMesh, optional
            What `mesh()` was made into, as by `TetMesh.crop`; by default `mesh()`. The scale of "dir" and
            "mc" is fitted to the tissues that are left.
        **limits
            `tissues`, `max_ratio`, `max_conductivity` of `conductivity_tensors`.

        Returns
        -------
        ndarray (m,) or, of a mode other than "scalar", (m, 3, 3), float64
            S/m.

        Raises
        ------
        FileFormatError
            There is no diffusion tensor image, or it is damaged.
        ConductivityError
            There is no such mode, or values can't be conductivities.
        """
        if mode == "scalar":
            if limits:
                raise ConductivityError(f"{', '.join(limits)}: of no effect where mode is 'scalar'")
            return conductivity_of(self.mesh() if mesh is None else mesh, values)
        path = self.tensor_path
        if path is None:
            raise FileFormatError(
                f"mode {mode!r} needs a diffusion tensor image: DTI_coregT1_tensor.nii.gz in {self.folder}, "
                f"or dti_results_T1space/DTI_conf_tensor.nii.gz in d2c_{self.name} beside it"
            )
        return conductivity_tensors(self.mesh() if mesh is None else mesh, path, mode, values, **limits)

    def point(self, where: str, cap: str | None = None) -> NDArray[np.float64]:
        """Find a point of the head that words name, such as the centre or the handle of a coil.

        Parameters
        ----------
        where : str
            The name of an electrode or landmark, ``"C3"``; MNI coordinates, ``"mni:-37,-21,58"``; the name of
            one of `headfield.targets`, ``"m1_hand"``; or coordinates in the frame of the mesh,
            ``"-46,-8,70"``; mm.
        cap : str, optional
            The cap that has the name, see `eeg_positions`.

        Returns
        -------
        ndarray (3,) float64
            In the frame of the mesh, mm.

        Raises
        ------
        ArgumentError
            The words are none of these, or there is no position of that name.
        HeadfieldError
            See `eeg_positions` and `mni_to_subject`.

        Examples
        --------
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "m2m_anna"
        >>> (folder / "eeg_positions").mkdir(parents=True)
        >>> _ = (folder / "eeg_positions" / "mine.csv").write_text("Electrode,-46,-8,70,C3\\n")
        >>> Subject(folder).point("C3")
        array([-46.,  -8.,  70.])
        """
        return find_point(where, lambda: self.eeg_positions(cap), self.mni_to_subject)

    def mni_to_subject(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Map points from MNI space to the head by the deformation in the folder `toMNI`.

        Parameters
        ----------
        points_mm : array_like (3,) or (p, 3)
            MNI coordinates, mm.

        Returns
        -------
        ndarray float64, the shape of `points_mm`
            In the frame of the mesh, mm.

        Raises
        ------
        FileFormatError
            There is no such deformation, or it is damaged.
        HeadfieldError
            Points lie outside of its volume; the message says how many.

        Warns
        -----
        UserWarning
            The name of a deformation had to tell which way it maps; see `headfield.heads.warps.find_warps`.
        """
        return self._to_subject.apply(points_mm)

    def subject_to_mni(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Map points of the head to MNI space: the reverse of `mni_to_subject`, with the same errors.

        Parameters
        ----------
        points_mm : array_like (3,) or (p, 3)
            In the frame of the mesh, mm.

        Returns
        -------
        ndarray float64, the shape of `points_mm`
            MNI coordinates, mm.
        """
        return self._to_mni.apply(points_mm)

    @cached_property
    def _warp_paths(self) -> tuple[Path | None, Path | None]:
        return find_warps(self.folder)

    @cached_property
    def _to_mni(self) -> Warp:
        return read_warp(self._found(self._warp_paths[0], "MNI"))

    @cached_property
    def _to_subject(self) -> Warp:
        return read_warp(self._found(self._warp_paths[1], "subject"))

    def _found(self, path: Path | None, target: str) -> Path:
        if path is None:
            raise FileFormatError(
                f"no deformation to {target} space in {self.folder / 'toMNI'}: Conform2MNI_nonl.nii.gz and "
                "MNI2Conform_nonl.nii.gz were looked for"
            )
        return path
