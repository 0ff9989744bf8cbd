# SPDX-License-Identifier: BSD-3-Clause
"""What is looked at in XML mesh files before a library reads them: entities, and files that they name."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from ..errors import HeadfieldError
from .hdf5 import check_hdf5
from .regular import check_regular
from .text import ASCII_LIKE, XML_ENCODING

__all__ = ["check_dolfin", "check_entities", "check_xdmf"]

_PIECE = 1 << 22
_ENTITY = b"<!ENTITY"
_ENCODINGS = ("utf-8", *ASCII_LIKE)  # in which "<!ENTITY" is written as above
_SIZE = re.compile(rb"\bsize\s*=\s*[\"'](\d+)")


def check_entities(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise `error` if an XML file declares an entity: these can make a small file huge.

    So does a file of which that can't be told, in another encoding than UTF-8. The message does not name it.
    """
    end = b""
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            if not end and (b"\0" in piece[:4] or piece[:2] in (b"\xff\xfe", b"\xfe\xff")):
                raise error("XML that is not in UTF-8")
            found = None if end else XML_ENCODING.search(piece[:1024])
            if found and found[1].decode("latin-1").lower() not in _ENCODINGS:
                raise error(f"XML in the encoding {found[1][:40]!r}, not in UTF-8")
            if _ENTITY in end + piece:
                raise error("XML with an entity declaration, which no mesh needs")
            end = piece[-len(_ENTITY) :]


def check_xdmf(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise `error` if an XDMF file names a file outside of its folder, or one whose data lie elsewhere."""
    folder = Path(path).resolve().parent
    for name, is_hdf5 in set(_data_files(path)):
        # HDF5 files are looked for beside the XDMF file, those of plain numbers in the working folder.
        target = Path(os.path.realpath(folder / name if is_hdf5 else name))
        if folder not in target.parents:
            raise error(f"it names the data file {name[:200]!r}, which is outside of its folder: not opened")
        check_regular(target, error)
        if is_hdf5:
            check_hdf5(target, error)


def _data_files(path: str | os.PathLike[str]) -> Iterator[tuple[str, bool]]:
    """Yield the name of each file that has data, and whether it is HDF5."""
    for _, element in ET.iterparse(os.fspath(path)):
        kind, text = element.get("Format"), (element.text or "").strip()
        if kind in ("HDF", "Binary") and text:
            yield (text.partition(":")[0] if kind == "HDF" else text), kind == "HDF"


def check_dolfin(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise `error` if an XML mesh, or a file of values beside it, announces more than it can hold.

    meshio takes memory for what they announce, and leaves it as it is where the file has no values.
    """
    path = Path(path)
    for part in [path, *path.resolve().parent.glob(f"{_literal(path.stem)}_*.xml")]:
        check_regular(part, error)
        check_entities(part, error)
        content = part.read_bytes()
        for match in _SIZE.finditer(content):
            if len(match[1]) > 12 or int(match[1]) > len(content):
                raise error(
                    f"{part.name} announces {match[1][:20].decode()} entries in {len(content):,} bytes"
                )


def _literal(name: str) -> str:
    """Return a name as a pattern of files that means just this name."""
    return re.sub(r"([*?[])", r"[\1]", name)
