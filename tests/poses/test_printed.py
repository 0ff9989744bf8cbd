# SPDX-License-Identifier: BSD-3-Clause
"""Poses as people paste them: printed matrices, arrays along either axis, what spreadsheets save."""

import numpy as np
import pytest
from given.navigation_files import BRAINSIGHT, BRAINSIGHT_ROW, COLUMNS, CSV, POSE, some_poses

import headfield as hf

SOME = some_poses(5).poses


def matlab(poses, decimals=4, exponent=0):
    """As MATLAB prints an array (4, 4, k) in its short format, below a common factor."""
    factor = f"   1.0e+{exponent:02} *\n\n" if exponent else ""
    return "\n".join(
        f"ans(:,:,{index}) =\n\n{factor}"
        + "\n".join("".join(f"{value / 10**exponent:12.{decimals}f}" for value in row) for row in pose)
        + "\n\n"
        for index, pose in enumerate(poses, 1)
    )


class TestPrinted:
    @pytest.mark.parametrize("ending", [".txt", ".csv"])
    @pytest.mark.parametrize(
        "array", [SOME[0], SOME[:1], SOME, SOME[:4], np.moveaxis(SOME, 0, 2), np.moveaxis(SOME[:4], 0, 2)]
    )
    def test_numpy(self, tmp_path, array, ending):
        count = array.size // 16
        for text in (str(array), repr(array), f"poses = np.{array!r}\n", str(array.tolist())):
            (tmp_path / f"a{ending}").write_text(text)
            np.testing.assert_allclose(hf.read_poses(tmp_path / f"a{ending}"), SOME[:count], atol=1e-8)

    def test_numpy_rows_of_sixteen_and_several(self, tmp_path):
        (tmp_path / "a.txt").write_text(str(SOME.reshape(-1, 16)) + "\n\n# another\n" + str(SOME[0]))
        np.testing.assert_allclose(hf.read_poses(tmp_path / "a.txt"), [*SOME, SOME[0]], atol=1e-8)

    def test_matlab(self, tmp_path):
        rows = ";\n".join(" ".join(map(repr, row)) for row in SOME[0].tolist())
        (tmp_path / "a.txt").write_text(f"M = [{rows}];  % the hotspot\n")
        np.testing.assert_array_equal(hf.read_poses(tmp_path / "a.txt"), SOME[:1])
        (tmp_path / "a.txt").write_text(matlab(SOME) + "M =\n\n" + matlab(SOME[:1], 6, 2).partition("\n")[2])
        found = hf.read_poses(tmp_path / "a.txt")
        np.testing.assert_allclose(found, [*SOME, SOME[0]], atol=2e-4)
        axes = found[:, :3, :3]
        np.testing.assert_allclose(np.swapaxes(axes, 1, 2) @ axes, [np.eye(3)] * 6, atol=1e-14)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[[1 0 0 0] [0 1 0 0] [0 0 1 0] [0 0 0 1]", "a bracket is not closed"),
            ("[1 0 0 0]] [", "closed that was not opened"),
            ("[[1 0 0 0] [0 1 0]]", "rows of different lengths"),
            ("[[1 0 0] [0 1 0] [0 0 1]]", r"shape \(1, 3, 3\), not \(4, 4\)"),
            ("[[1. 0. 0. 5.]\n ...\n [0. 0. 0. 1.]]", "an abbreviated print"),
            ("[1 0 0 x]", "'x' is not a number"),
            ("[" * 2000, "more than 3 deep"),
            ("[" + "a" * 300_000, "is not a number"),
            ("1 2 [3]", "'1' stands outside of the brackets"),
            ("[]", "shape"),
            (matlab(SOME[:1], 4, 2), "axes not orthonormal"),  # two decimals of the axes are left
        ],
    )
    def test_refused(self, tmp_path, text, words):
        (tmp_path / "a.txt").write_text(text)
        with pytest.raises(hf.PoseError, match=words):
            hf.read_poses(tmp_path / "a.txt")


class TestAxisOfArrays:
    @pytest.mark.parametrize("count", [1, 2, 4, 5])
    def test_npy(self, tmp_path, count):
        for array in (SOME[:count], np.moveaxis(SOME[:count], 0, 2)):
            np.save(tmp_path / "a.npy", array)
            np.testing.assert_array_equal(hf.read_poses(tmp_path / "a.npy"), SOME[:count])

    @pytest.mark.parametrize("lost", [np.nan, 0.0])
    @pytest.mark.parametrize("which", [2, 3])
    def test_four_with_one_that_is_lost(self, tmp_path, which, lost):
        poses = SOME[:4].copy()
        poses[which] = lost
        for array in (poses, np.moveaxis(poses, 0, 2)):
            np.save(tmp_path / "a.npy", array)
            with pytest.warns(UserWarning, match=f"number {which} "):
                found = hf.read_poses(tmp_path / "a.npy", skip_bad=True)
            np.testing.assert_array_equal(found, np.delete(poses, which, axis=0))

    def test_four_that_end_otherwise(self, tmp_path):
        np.save(tmp_path / "a.npy", SOME[:4].transpose(0, 2, 1))
        with pytest.raises(hf.PoseError, match="pose 0 of 4: last row is not 0 0 0 1"):
            hf.read_poses(tmp_path / "a.npy")


def spreadsheet(delimiter, point=".", quote="", width=20):
    """A Brainsight export as spreadsheets save it: commas in a comment, empty cells at the ends of lines."""
    units = "# Units: millimetres, degrees, milliseconds, and microvolts"
    rows = [["# Version: 12"], ["# Coordinate system: NIfTI:Scanner"], [units]]
    rows += [["# Target Name", *COLUMNS.split("\t")], BRAINSIGHT_ROW.split("\t")]
    rows[-1][1:] = [word.replace(".", point) for word in rows[-1][1:]]
    lines = []
    for row in rows:
        cells = [f'"{cell}"' if quote or delimiter in cell else cell for cell in row]
        lines.append(delimiter.join(cells + [""] * (width - len(cells))))
    return "\r\n".join(lines) + "\r\n" + delimiter * (width - 1) + "\r\n"


class TestSpreadsheets:
    @pytest.mark.parametrize("name", ["a.txt", "a.csv"])
    @pytest.mark.parametrize(
        ("delimiter", "point", "quote", "encoding"),
        [
            (",", ".", "", "utf-8"),
            (",", ".", '"', "utf-8-sig"),
            (",", ",", "", "utf-8"),  # cells with commas are quoted
            (";", ",", "", "cp1252"),
            (";", ".", '"', "utf-8"),
            ("\t", ",", "", "utf-16"),
            ("\t", ".", '"', "utf-8-sig"),
        ],
    )
    def test_saves_of_brainsight(self, tmp_path, name, delimiter, point, quote, encoding):
        text = spreadsheet(delimiter, point, quote).replace("M1", "Läsion")
        (tmp_path / name).write_bytes(text.encode(encoding))
        found = hf.read_pose_list(tmp_path / name)
        np.testing.assert_array_equal(found.poses, POSE[None])
        assert (found.names, found.kind) == (("Läsion",), "Brainsight targets, NIfTI:Scanner")

    def test_tabs_that_became_commas(self, tmp_path):
        (tmp_path / "a.txt").write_text(BRAINSIGHT.replace("\t", ","))
        np.testing.assert_array_equal(hf.read_poses(tmp_path / "a.txt"), POSE[None])
        with_commas = BRAINSIGHT.replace(".000", ",000").replace("\t", ",")
        (tmp_path / "a.txt").write_text(with_commas)
        with pytest.raises(hf.PoseError, match="line 4: 25 columns where 13 are needed"):
            hf.read_poses(tmp_path / "a.txt")

    def test_a_name_with_a_quote_in_an_export(self, tmp_path):
        (tmp_path / "a.txt").write_text(BRAINSIGHT.replace("\nM1", '\n"M1'))
        assert hf.read_pose_list(tmp_path / "a.txt").names == ('"M1',)

    def test_tables_with_decimal_commas(self, tmp_path):
        text = CSV.replace(",", ";").replace("-80", "-80,5").replace("M1", "M1,2")
        (tmp_path / "a.csv").write_text(text)
        found = hf.read_pose_list(tmp_path / "a.csv")
        assert (found.poses[0, 0, 3], found.names) == (-80.5, ("M1,2",))
        rows = "\n".join(";".join(f"{value:.9f}".replace(".", ",") for value in row) for row in SOME[0])
        (tmp_path / "b.csv").write_text(rows)
        np.testing.assert_allclose(hf.read_poses(tmp_path / "b.csv")[0], SOME[0], atol=2e-9)
