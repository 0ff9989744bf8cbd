# SPDX-License-Identifier: BSD-3-Clause
"""The type stub of the native module says what it has: names, arguments in order, dtypes of arrays."""

import ast
import re
from importlib.resources import files

import pytest

from headfield.core import _cpu

STUB = ast.parse((files("headfield") / "core" / "_cpu.pyi").read_text(encoding="utf-8"))
# pybind11 can only say that they return a tuple, not of what: their tests look at that.
OF_SEVERAL = (
    "Triangles.closest",
    "assemble",
    "assemble_quadratic",
    "mesh_edges",
    "mesh_levels",
    "recovery",
    "refine_edges",
    "sampling",
    "transposed",
    "voxel_parts",
)
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
ALIASES = {n.target.id: ast.unparse(n.value) for n in STUB.body if isinstance(n, ast.AnnAssign) and n.value}
# A type as the module or the stub spells it -> what the two must agree on.
KINDS = {"int": "int", "SupportsInt": "int", "float": "float", "SupportsFloat": "float"}


def public(names):
    return {n for n in names if not n.startswith("_")}


def functions(body):
    """Name -> function of the stub; properties are left out."""
    return {n.name: n for n in body if isinstance(n, ast.FunctionDef) and not n.decorator_list}


def properties(body):
    return {n.name for n in body if isinstance(n, ast.FunctionDef) and n.decorator_list}


def stub_arguments(function):
    defaults = [None] * (len(function.args.args) - len(function.args.defaults)) + function.args.defaults
    pairs = zip(function.args.args, defaults, strict=True)
    return [(a.arg, kind(spelled(a.annotation)), d is not None) for a, d in pairs if a.arg != "self"]


def spelled(annotation):
    """The text of an annotation, aliases of the stub written out."""
    return re.sub(r"\b_\w+", lambda found: ALIASES.get(found[0], found[0]), ast.unparse(annotation))


def module_arguments(native):
    """From the signature that pybind11 puts on the first line of the docstring."""
    signature = native.__doc__.splitlines()[0]
    inside = signature[signature.index("(") + 1 : signature.rindex(") -> ")]
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(inside + ","):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            parts.append(inside[start:i].strip())
            start = i + 1
    pairs = [p.split(":", 1) for p in parts if p and not p.startswith("self")]
    return [(name, kind(annotation), "=" in annotation) for name, annotation in pairs]


def kind(annotation):
    """What must agree of an annotation: dtypes of arrays, how many indices, int or float, or the name."""
    if "Indices" in annotation:
        return "Indices", "None" in annotation
    dtypes = re.findall(r"(?:numpy|np)\.(u?int\d+|float\d+|bool)", annotation)
    if dtypes:
        return dtypes, "None" in annotation
    plain = re.sub(r"typing\.|collections\.abc\.|headfield\.core\._cpu\.", "", annotation)
    word = re.findall(r"\w+", plain)[0]
    return KINDS.get(word, word)


def native_functions():
    yield from ((n, getattr(_cpu, n), f) for n, f in functions(STUB.body).items())
    for name, cls in CLASSES.items():
        for method, function in functions(cls.body).items():
            yield f"{name}.{method}", getattr(getattr(_cpu, name), method), function


FUNCTIONS = list(native_functions())


def test_names_of_the_module():
    stubbed = set(functions(STUB.body)) | set(CLASSES)
    stubbed |= public(n.target.id for n in STUB.body if isinstance(n, ast.AnnAssign))
    assert stubbed == public(dir(_cpu))


@pytest.mark.parametrize("name", CLASSES)
def test_names_of_a_class(name):
    native = vars(getattr(_cpu, name))
    is_property = {n for n in public(native) if isinstance(native[n], property)}
    assert properties(CLASSES[name].body) == is_property
    assert public(functions(CLASSES[name].body)) == public(native) - is_property
    has_init = "__init__" in functions(CLASSES[name].body)
    assert has_init == bool(native.get("__init__") and "self: " in (native["__init__"].__doc__ or ""))


@pytest.mark.parametrize(("name", "native", "stub"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_arguments(name, native, stub):
    assert module_arguments(native) == stub_arguments(stub)


@pytest.mark.parametrize(("name", "native", "stub"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_results(name, native, stub):
    declared = native.__doc__.splitlines()[0].rpartition(") -> ")[2].strip()
    if declared == "tuple":
        assert name in OF_SEVERAL
        assert ast.unparse(stub.returns).startswith("tuple[")
    elif declared.startswith("list"):
        assert re.findall(r"\w+", declared)[-1] == re.findall(r"\w+", ast.unparse(stub.returns))[-1]
    else:
        assert kind(declared) == kind(spelled(stub.returns))
