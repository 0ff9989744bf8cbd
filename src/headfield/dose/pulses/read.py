# SPDX-License-Identifier: BSD-3-Clause
"""Reader of recorded pulses: .tsv tables of waveforms, and the waveforms in .tcd coil files.

A .tsv has a line ``# Time<TAB>NAME<TAB>NAME_fit`` and rows of a time (s), what was measured and what was
fitted to that, both dI/dt as shares of the largest; there may be several names, each with its fit or without.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ...coils.formats.tcd_read import read_tcd
from ...coils.parts import CoilContent, Stimulator, Waveform
from ...core.arguments import whole
from ...core.messages import first_of, in_one_line, nearest_name, printable, quoted
from ...errors import DoseError, FileFormatError
from ...io.regular import check_regular, ending_of
from ...io.text import number, read_text
from .pulse import Pulse

__all__ = ["read_pulse", "read_waveforms"]

_FIT = "_fit"
_MOST_WAVEFORMS = 64


def read_pulse(
    path: str | os.PathLike[str],
    *,
    waveform: int | str = 0,
    use_fit: bool = True,
    didt_max: float | str | None = None,
    coil: CoilContent | None = None,
    stimulator: int = 0,
) -> Pulse:
    """Read a recorded pulse.

    Parameters
    ----------
    path : path
        `.tsv`, a table of waveforms; or `.tcd`, a coil whose stimulators have them.
    waveform : int or str
        Which one, counted from 0, or its name.
    use_fit : bool
        The fitted column where there is one, or what was measured, noise and all; see `Pulse.from_waveform`.
    didt_max : float or str, optional
        dI/dt at 100 % of the output, A/s or text with a unit such as "147.86 A/µs". By default that of
        `coil`, or of the stimulator in a .tcd file; where none is known the pulse is `normalised`.
    coil : Coil, optional
        The coil that the pulse was recorded with.
    stimulator : int
        Which of a coil's stimulators, counted from 0.

    Returns
    -------
    Pulse

    Raises
    ------
    DoseError
        The file is damaged: the message says in which line. There is no such waveform or stimulator, or the
        coil does not say its largest dI/dt.
    CoilError
        A .tcd file is damaged.
    FileFormatError
        Another ending, or not a regular file.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "pulse.tsv"
    >>> t = 1e-7 * np.arange(-200, 3000)
    >>> fit = np.where((t > 5e-8) & (t < 2.8e-4), np.exp(-1000 * t) * np.cos(22340 * t), 0.0)
    >>> rows = "".join(f"{a:.9e}\\t{b:.6f}\\t{b:.17e}\\n" for a, b in zip(t, fit))
    >>> _ = file.write_text(f"# Time\\tRapid\\tRapid_fit\\n{rows}")
    >>> read_pulse(file, didt_max="100 A/µs")
    <Pulse 'Rapid': recorded, 279.9 µs, dI/dt 100.0 to -87.0 A/µs, 4.36 kA>
    >>> round(read_pulse(file, use_fit=False).duration_s, 7), round(read_pulse(file).damping_per_s, 6)
    (0.0003199, 1000.0)
    """
    check_regular(path, DoseError)
    ending = ending_of(path)
    if ending not in (".tsv", ".tcd"):
        raise FileFormatError(
            f"{os.fspath(path)}: pulses are read from .tsv and .tcd, not {ending or 'no ending'}"
        )
    if ending == ".tcd":
        driver = _stimulator(read_tcd(path), stimulator)
        found: Sequence[Waveform] = driver.waveforms
        if not found:
            raise DoseError(f"{os.fspath(path)}: stimulator {stimulator} has no waveform")
        didt_max = driver.didt_max if didt_max is None and coil is None else didt_max
    else:
        found = read_waveforms(path)
    if didt_max is None and coil is not None:
        didt_max = _stimulator(coil, stimulator).didt_max
        if didt_max is None:
            raise DoseError(f"{coil!r} does not say its largest dI/dt: give didt_max")
    try:
        return Pulse.from_waveform(_chosen(found, waveform), didt_max, use_fit=use_fit)
    except DoseError as problem:
        raise DoseError(f"{os.fspath(path)}: {in_one_line(problem)}") from None


def read_waveforms(path: str | os.PathLike[str]) -> list[Waveform]:
    """Read all waveforms of a .tsv file; raises what `read_pulse` does.

    Returns
    -------
    list of Waveform
        In the order of their columns; each has a fit where a column of its name and "_fit" is.
    """
    check_regular(path, DoseError)
    name = os.fspath(path)
    try:
        text = read_text(path, DoseError, latin_1="comments")
    except DoseError as problem:
        raise DoseError(f"{name}: {problem}") from None
    header: list[str] = []
    rows: list[list[float]] = []
    for at, line in enumerate(text.split("\n"), 1):
        cells = [cell.strip() for cell in line.lstrip("# ").split("\t")]
        if line.startswith("#"):
            if not header and not rows and len(cells) > 1:
                header = _checked_header(cells, f"{name}, line {at}")
        elif line.strip():
            rows.append(_row(cells, header, rows, f"{name}, line {at}"))
    if not header:
        raise DoseError(f"{name}: no line '# Time<tab>NAME' that names the columns")
    if len(rows) < 2:
        raise DoseError(f"{name}: {len(rows)} rows of samples; a pulse has 2 or more")
    columns = dict(zip(header, np.array(rows).T, strict=True))
    return [
        Waveform(columns[header[0]], values, columns.get(called + _FIT), called)
        for called, values in list(columns.items())[1:]
        if not (called.endswith(_FIT) and called.removesuffix(_FIT) in columns)
    ]


def _checked_header(cells: list[str], where: str) -> list[str]:
    """Return the names of columns, printable; raise unless each is there once and the first is the time."""
    names = [printable(cell) for cell in cells]
    if names[0].lower() not in ("time", "t", "time_s"):
        raise DoseError(f"{where}: the first column must be Time, not {quoted(names[0])}")
    if len(set(names)) < len(names) or "" in names:
        raise DoseError(f"{where}: each column needs a name of its own, not {first_of(names, 8)}")
    if len(names) > 2 * _MOST_WAVEFORMS + 1:
        raise DoseError(f"{where}: {len(names)} columns; at most {_MOST_WAVEFORMS} waveforms are read")
    return names


def _row(cells: list[str], header: list[str], rows: list[list[float]], where: str) -> list[float]:
    """Return the numbers of a line; raise unless as many as columns, finite, and later than the last."""
    if not header:
        raise DoseError(f"{where}: numbers before a line '# Time<tab>NAME' that names the columns")
    if len(cells) != len(header):
        raise DoseError(f"{where}: {len(cells)} values for {len(header)} columns")
    row = [number(cell, f"{where}, {name}", DoseError) for cell, name in zip(cells, header, strict=True)]
    bad = next((i for i, value in enumerate(row) if not abs(value) < np.inf), None)
    if bad is not None:
        raise DoseError(f"{where}, {header[bad]}: {row[bad]} is not finite")
    if rows and not row[0] > rows[-1][0]:
        raise DoseError(f"{where}: the time {row[0]:g} s is not after {rows[-1][0]:g} s of the row before")
    return row


def _chosen(found: Sequence[Waveform], waveform: int | str) -> Waveform:
    """Return a waveform by its index or its name."""
    names = [one.name for one in found]
    if isinstance(waveform, str):
        if waveform not in names:
            near = nearest_name(waveform, names) or f"; there: {first_of(names, 8)}"
            raise DoseError(f"there is no waveform {quoted(waveform)}{near}")
        waveform = names.index(waveform)
    return found[whole(waveform, "waveform", DoseError, len(found) - 1, 0)]


def _stimulator(coil: CoilContent, index: int) -> Stimulator:
    if not isinstance(coil, CoilContent):
        raise DoseError(f"coil must be a Coil, not {type(coil).__name__}")
    return coil.stimulators[whole(index, "stimulator", DoseError, coil.n_stimulators - 1, 0)]
