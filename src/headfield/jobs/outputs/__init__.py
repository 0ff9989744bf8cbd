# SPDX-License-Identifier: BSD-3-Clause
"""What is kept of each pose of a job: a row of numbers, and |E| or E as small as it is wanted."""

from .encoding import decoded
from .kept import Kept
from .options import Outputs

__all__ = ["Kept", "Outputs", "decoded"]
