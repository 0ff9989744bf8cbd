# SPDX-License-Identifier: BSD-3-Clause
"""What the sources of headfield name of CuPy: functions and classes by path, attributes of their results."""

import ast
import re
from pathlib import Path

_MODULES = {"cupy": "cupy", "cupyx": "cupyx", "xp": "cupy"}  # by the names that the sources have for them
_FROM_CUPY = re.compile(r'import\("cupy"\)((?:\.attr\("\w+"\))+)')
_FROM_HEADFIELD = re.compile(r'import\("headfield[.\w]*"\)(?:\.attr\("\w+"\))+')
_ATTRIBUTE = re.compile(r'attr\("(\w+)"\)')


def of_python(source: str) -> set[str]:
    """Such as "cupy.cuda.Device" and ".mem_info" of `xp.cuda.Device().mem_info`."""
    found: set[str] = set()
    tree = ast.parse(source)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            first, *others = _path(node).split("().")
            if "." in first:
                found |= {first} | {f".{name}" for other in others for name in other.split(".")}
    return found


def _path(node: ast.expr) -> str:
    """The name in full, with "()" for calls; nothing where it doesn't begin with a module of CuPy's."""
    if isinstance(node, ast.Name):
        return _MODULES.get(node.id, "")
    if isinstance(node, ast.Call):
        before = _path(node.func)
        return f"{before}()" if before else ""
    if isinstance(node, ast.Attribute):
        before = _path(node.value)
        return _MODULES.get(node.attr, "") if not before else f"{before}.{node.attr}"
    return ""


def of_native(source: str) -> set[str]:
    """Likewise, of what native code reaches through the interpreter."""
    found = {".".join(["cupy", *_ATTRIBUTE.findall(chain)]) for chain in _FROM_CUPY.findall(source)}
    rest = _FROM_HEADFIELD.sub("", _FROM_CUPY.sub("", source))
    return found | {f".{name}" for name in _ATTRIBUTE.findall(rest)}


def of_folders(package: Path, native: Path) -> set[str]:
    names = [of_python(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")]
    names += [of_native(path.read_text(encoding="utf-8")) for path in native.iterdir() if path.is_file()]
    return set().union(*names)
