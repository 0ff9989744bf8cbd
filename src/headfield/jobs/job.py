# SPDX-License-Identifier: BSD-3-Clause
"""What a job is: heads, coils, poses, options and outputs, as a record and as a file."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.arguments import is_whole, positive, whole
from ..core.device import check_threads, wanted
from ..core.messages import check_names, nearest_name, quoted
from ..core.quantities import rates
from ..errors import ArgumentError, FileFormatError
from ..io.atomic import replacing
from ..io.regular import ending_of
from ..io.text import read_text
from ..solve.options import SolveOptions, check_primary
from .outputs import Outputs
from .placed import PosesOf

__all__ = ["CoilUse", "Job", "read_job"]

_NAME = re.compile(r"[^\W.][\w.+-]{0,99}")
_ENDINGS = (".gz", ".nii", ".msh", ".npz", ".vtu", ".ccd", ".tcd", ".txt", ".csv", ".npy")
_TENSORS = (None, "vn", "dir", "mc")
_MOST_IN_CHUNK = 10_000


@dataclass(frozen=True, kw_only=True)
class CoilUse:
    """A coil and how it is driven.

    Attributes
    ----------
    file : str
        Path of the coil.
    didt : str, optional
        Rate of change of its current as text: "70e6" A/s, "70 A/us" or "60%MSO", one for each stimulator.
        By default what the file of poses says, else 1 A/µs.
    """

    file: str
    didt: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """Every coil at every pose of every head: what is solved, how, and what is kept.

    Two jobs that are equal give the same numbers. Paths are made absolute, relative ones being relative to
    `base`; a job can be pickled, and be sent to another machine that has the same files.

    Attributes
    ----------
    heads : dict of str to str
        Paths of meshes or of subject folders, by name. Given as one path or several, they are called as
        their files are, without m2m_ and endings.
    coils : dict of str to CoilUse
        Given as one path or several, or as a dict of names to paths or to tables of `file` and `didt`.
    poses : dict of str to PosesOf
        Of each head. Given as one path, or a table that says where coils are placed (see `PosesOf`), they are
        those of every head; or as a dict of names of heads to such.
    outputs : Outputs
    folder : str, optional
        Where the results go.
    didt : str or float, optional
        For coils that name none, see `CoilUse`.
    conductivity : dict of int or str to float
        S/m, in place of the standard value of a tag, or of a tissue by its name in each head.
    tensors : {None, "vn", "dir", "mc"}
        Conductivity from diffusion tensors; heads are then subject folders.
    recovery, primary, tol, max_iterations
        See `HeadModel` and `HeadModel.solve`.
    batch : int, optional
        Poses solved at a time. By default 32 in one process, on a GPU 64, and 8 where processes share a head.
    chunk : int
        Poses of one coil in one head that make a unit: it is written at once, and done again if it was cut
        short.
    device : {"auto", "cpu", "cuda"}
    threads : int, optional
        Of a process. By default all cores for one process, and one for each of several.
    base : str
        Folder that relative paths, also of images in `outputs`, refer to; the current one by default.

    Raises
    ------
    ArgumentError
        What is not of these kinds; heads or coils of one name; poses for a head that there is not.

    Examples
    --------
    >>> job = Job(heads="m2m_ernie", coils={"fig8": "coil.ccd"}, poses="grid.npy", didt="70 A/us", base="/d")
    >>> job.heads, job.coils["fig8"]
    ({'ernie': '/d/m2m_ernie'}, CoilUse(file='/d/coil.ccd', didt='70 A/us'))
    >>> Job.from_dict(job.to_dict()) == job
    True
    >>> Job.from_dict({"head": "m2m_ernie"})
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: a job has no 'head', did you mean 'heads'?
    """

    heads: Mapping[str, str]
    coils: Mapping[str, CoilUse]
    poses: Mapping[str, PosesOf]
    outputs: Outputs = field(default_factory=Outputs)
    folder: str | None = None
    didt: str | float | None = None
    conductivity: Mapping[int | str, float] = field(default_factory=dict)
    tensors: str | None = None
    recovery: str | None = None
    primary: str = "nodes"
    tol: float | str = 1e-5
    max_iterations: int = 200
    batch: int | None = None
    chunk: int = 32
    device: str = "auto"
    threads: int | None = None
    base: str = ""

    def __post_init__(self) -> None:
        base = os.path.abspath(_text(self.base, "base"))
        self._set("base", base)
        self._set("heads", {name: _path(file, base, name) for name, file in _named(self.heads, "heads")})
        coils = {name: _coil(given, self.didt, base) for name, given in _named(self.coils, "coils")}
        self._set("coils", coils)
        self._set("didt", None)  # each coil has its own from here on
        self._set("poses", self._poses_of_heads())
        if isinstance(self.outputs, Mapping):
            self._set("outputs", Outputs.from_dict(self.outputs))
        if self.folder is not None:
            self._set("folder", _path(self.folder, base, "folder"))
        self._set("conductivity", _conductivity(self.conductivity))
        self._check_options()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _poses_of_heads(self) -> dict[str, PosesOf]:
        given: Any = self.poses
        known = {one.name for one in dataclasses.fields(PosesOf)}
        if not isinstance(given, Mapping) or _is_placed(given, known, set(self.heads)):
            return dict.fromkeys(self.heads, PosesOf.of(given, self.base))
        for name in given:
            if name not in self.heads:
                near = nearest_name(name, [*self.heads, *known])
                raise ArgumentError(f"poses: there is no head {quoted(str(name))}{near}")
        for name in self.heads:
            if name not in given:
                raise ArgumentError(f"poses: there are none for the head {name!r}")
        return {name: PosesOf.of(given[name], self.base) for name in self.heads}

    def _check_options(self) -> None:
        if self.tensors not in _TENSORS:
            raise ArgumentError(f"tensors must be 'vn', 'dir' or 'mc', not {self.tensors!r}")
        if self.tensors is not None:
            for name, path in self.heads.items():
                if os.path.isfile(path):
                    raise ArgumentError(f"tensors need subject folders, and the head {name!r} is a file")
        check_primary(self.primary)
        check_threads(self.threads)
        wanted(self.device)
        whole(self.chunk, "chunk", ArgumentError, _MOST_IN_CHUNK)
        batch = "auto" if self.batch is None else self.batch
        how: dict[str, Any] = {"tol": self.tol, "max_iterations": self.max_iterations, "batch": batch}
        SolveOptions(elements=None, roi=None, recovery=self.recovery, **how)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON and TOML can hold; what is as by default is left out."""
        made: dict[str, Any] = {}
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if one.name == "conductivity":
                value = {str(tag): number for tag, number in value.items()}
            elif one.name == "outputs":
                value = value.to_dict()
            elif one.name in ("coils", "poses"):
                value = {name: _plain(spec) for name, spec in value.items()}
            if value not in (None, {}) and value != one.default:
                made[one.name] = value
        return made

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Job:
        """Make it of what `to_dict` returned, or of a file; ArgumentError for names that it doesn't have."""
        if not isinstance(given, Mapping):
            raise ArgumentError(f"a job is a table of names and values, not {type(given).__name__}")
        check_names(given, [one.name for one in dataclasses.fields(cls)], "a job has no")
        for name in ("heads", "coils", "poses"):
            if name not in given:
                raise ArgumentError(f"a job needs {name}")
        return cls(**given)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, for `read_job`; OSError if that can't be done."""
        if ending_of(path) != ".json":
            raise FileFormatError(f"{os.fspath(path)}: a job is written to .json")
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")


def read_job(path: str | os.PathLike[str]) -> Job:
    """Read a job; all paths in it are relative to the folder of its file.

    Parameters
    ----------
    path : path
        TOML (.toml) or JSON (.json). Its names are the attributes of `Job`.

    Returns
    -------
    Job

    Raises
    ------
    FileFormatError
        Neither .toml nor .json, or damaged.
    ArgumentError
        See `Job`; the message begins with the path.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "night.toml"
    >>> lines = ['heads = "m2m_ernie"', 'coils = "fig8.ccd"', 'poses = "grid.npy"', 'folder = "night"']
    >>> _ = path.write_text("\\n".join(lines))
    >>> job = read_job(path)
    >>> Path(job.folder) == path.parent / "night", list(job.heads), list(job.coils)
    (True, ['ernie'], ['fig8'])
    """
    ending = ending_of(path)
    if ending not in (".toml", ".json"):
        raise FileFormatError(f"{os.fspath(path)}: a job is a .toml or a .json")
    text = read_text(path, FileFormatError)
    try:
        given = tomllib.loads(text) if ending == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as problem:  # the errors of both are ValueErrors
        raise FileFormatError(f"{os.fspath(path)}: {problem}") from None
    try:
        folder = os.path.dirname(os.path.abspath(path))
        base = given.get("base", "") if isinstance(given, dict) else ""
        return Job.from_dict(given | {"base": os.path.join(folder, _text(base, "base"))})
    except (ArgumentError, TypeError) as problem:
        raise ArgumentError(f"{os.fspath(path)}: {problem}") from None


def _is_placed(given: Mapping[Any, Any], known: set[str], heads: set[str]) -> bool:
    """Whether a table of poses is that of all heads, and not a table by head, of which one may be "file"."""
    if any(isinstance(one, (Mapping, PosesOf)) for one in given.values()):
        return False
    is_whole_table = "file" in given or {"centre", "handle"} <= set(given)
    return bool(set(given) & known) and (is_whole_table or set(given) != heads)


def _text(value: Any, name: str) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or "\0" in value:
        raise ArgumentError(f"{name} must be a path, not {value!r}")
    return value


def _path(value: Any, base: str, name: str) -> str:
    if not _text(value, name):
        raise ArgumentError(f"{name}: the path is empty")
    return os.path.normpath(os.path.join(base, os.path.expanduser(_text(value, name))))


def _named(given: Any, what: str) -> list[tuple[str, Any]]:
    """Return things with their names, which folders of results will have, too."""
    if isinstance(given, Mapping):
        pairs = list(given.items())
    else:
        several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        pairs = [(_name_of(_text(one, what)), one) for one in several]
    if not pairs:
        raise ArgumentError(f"{what}: there are none")
    seen: dict[str, str] = {}
    for name, _ in pairs:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ArgumentError(f"{what}: {name!r} is no name of letters, digits and _-+. for a folder")
        if name.lower() == "job.json":
            raise ArgumentError(f"{what}: {name!r} is the name of a file in the folder of results")
        if name.lower() in seen:  # not all file systems tell letters from capitals
            raise ArgumentError(
                f"{what}: two are called {name!r}; give names, as in {what} = {{a = …, b = …}}"
            )
        seen[name.lower()] = name
    return pairs


def _name_of(path: str) -> str:
    name = os.path.basename(os.path.normpath(path)).removeprefix("m2m_")
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return re.sub(r"[^\w.+-]", "_", name).lstrip(".")


def _coil(given: Any, didt: Any, base: str) -> CoilUse:
    if isinstance(given, CoilUse):
        given = {"file": given.file, "didt": given.didt}
    spec = given if isinstance(given, Mapping) else {"file": given}
    check_names(spec, [one.name for one in dataclasses.fields(CoilUse)], "coils: there is no")
    if "file" not in spec:
        raise ArgumentError("coils: a coil needs its file")
    rate = didt if spec.get("didt") is None else spec["didt"]
    if rate is not None:
        rate = rate if isinstance(rate, str) else f"{float(rate)!r}" if _is_number(rate) else rate
        if not isinstance(rate, str):
            raise ArgumentError(f"didt must be a number of A/s or a text such as '70 A/us', not {rate!r}")
        rates(rate)
    return CoilUse(file=_path(spec["file"], base, "coils"), didt=rate)


def _is_number(value: Any) -> bool:
    return is_whole(value) or isinstance(value, float)


def _conductivity(given: Any) -> dict[int | str, float]:
    if not isinstance(given, Mapping):
        raise ArgumentError("conductivity must be a table of tags or names of tissues, and S/m")
    made: dict[int | str, float] = {}
    for tag, value in given.items():
        is_tag = re.fullmatch(r"-?\d{1,9}", str(tag)) and not isinstance(tag, bool)
        if not is_tag and (not isinstance(tag, str) or not re.match(r"[^\W\d_]", tag)):
            raise ArgumentError(f"conductivity: {tag!r} is neither a tag nor the name of a tissue")
        made[int(tag) if is_tag else tag] = positive(value, f"conductivity of {tag}", ArgumentError)
    if len(made) < len(given):
        raise ArgumentError("conductivity: a tag is given twice")
    return made


def _plain(spec: Any) -> dict[str, Any]:
    return {
        one.name: list(value) if isinstance(value, tuple) else value
        for one in dataclasses.fields(spec)
        if (value := getattr(spec, one.name)) != one.default
    }
