# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield info` says of images agrees with what `headfield mesh` takes."""

import numpy as np
import pytest
from given.label_heads import ball_labels

from headfield.commands import main as cli

nibabel = pytest.importorskip("nibabel")

AFFINE, LABELS = ball_labels((70.0, 76.0, 84.0, 92.0), (2, 3, 4, 5))


@pytest.mark.parametrize(
    ("affine", "data", "code", "words"),
    [
        (AFFINE, LABELS, 0, "--tissues simnibs\n"),
        (AFFINE, np.where(LABELS > 3, 0, LABELS), 0, "--tissues simnibs --shells\n"),
        (AFFINE, np.where(LABELS == 5, 0, LABELS), 0, "--tissues simnibs --shells\n"),
        (
            AFFINE,
            LABELS[:, :, :2],
            0,
            "no labels of tissues: its shape is (53, 53, 2): a head needs a volume",
        ),
        (np.diag([4e-3, 4e-3, 4e-3, 1]), LABELS, 0, "is its affine in another unit than mm?"),
        (AFFINE, np.zeros((5, 5, 5, 4)), 1, "maps of tissues are what `headfield mesh --tissues"),
    ],
)
def test_info_says_what_mesh_does(tmp_path, capsys, affine, data, code, words):
    path = tmp_path / "labels.nii"
    nibabel.save(nibabel.Nifti1Image(data.astype(np.int16), affine), path)
    assert cli.main(["info", str(path)]) == code
    assert words in "".join(capsys.readouterr())
