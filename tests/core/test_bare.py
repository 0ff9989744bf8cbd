# SPDX-License-Identifier: BSD-3-Clause
"""With NumPy alone headfield imports, solves and saves; what needs meshio says so, and names the file."""

import subprocess
import sys
import textwrap

import pytest

# A finder in front of all others lets nothing in but NumPy, the standard library and headfield.
BARE = """
import importlib.abc, sys

class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "numpy", "headfield"}:
            raise ModuleNotFoundError(f"No module named {name!r}, it is behind the wall", name=name)

sys.meta_path.insert(0, Wall())
"""
SMALL = """
import os, headfield as hf
os.chdir(sys.argv[1])
mesh = hf.sphere_mesh(radii_mm=[80, 92], tags=[2, 5], edge_mm=30)
"""


def run(folder, code):
    code = BARE + SMALL + textwrap.dedent(code)
    command = [sys.executable, "-W", "error", "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_heads_are_solved_and_saved_with_numpy_alone(tmp_path):
    done = run(
        tmp_path,
        """
        import numpy as np
        coil = hf.figure_of_eight(spacing_mm=10.0)
        model = hf.HeadModel(mesh, device="cpu")
        field = model.solve(coil, model.place(coil, [10, 20, 95], [10, 70, 95]), didt=1e6)
        field.save("field.msh")
        mesh.write("head.npz")
        mesh.write("head.msh")
        back = [hf.read_mesh(name) for name in ("head.npz", "head.msh", "field.msh")]
        assert all(np.array_equal(one.tets, mesh.tets) for one in back)
        away = np.abs(back[2].element_data["E"] - field.E[0]).max()
        print(field.report.residual.max() < 1e-5, away == 0.0, field.E.any())
        """,
    )
    assert done.stdout == "True True True\n", done.stderr


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("hf.read_mesh('a.vtk')", "a.vtk"),
        ("mesh.write('b.vtk')", "b.vtk"),
        ("hf.read_casing('c.obj')", "c.obj"),
        (
            "from headfield.fields.write import write_point_results as write;"
            " write('d.vtu', hf.regions.points(mesh, [[0, 0, 80]]), {'magnE': [[1.0]]})",
            "d.vtu",
        ),
    ],
)
def test_what_needs_meshio_says_so(tmp_path, statement, name):
    if name[0] in "ac":
        (tmp_path / name).write_text("v 0 0 0\nv 50 0 0\nv 0 50 0\nf 1 2 3\n")
    code = f"try:\n    {statement}\nexcept hf.FileFormatError as error:\n    print(error)\n"
    done = run(tmp_path, code)
    assert done.stderr == ""
    assert done.stdout.startswith(f"{name}: this format needs meshio (pip install meshio): ")
    assert [path.name for path in tmp_path.iterdir()] == [name] * (name[0] in "ac")
