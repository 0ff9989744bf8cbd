# SPDX-License-Identifier: BSD-3-Clause
"""Many poses of heads and coils as one job, which may be stopped and gone on with at any time.

A job is a record (`Job`) or a file (`read_job`); `estimate` says what it takes, `run` solves it in this
process, in several, or through any executor; `read_results` reads its folder, also while it runs.
"""

from .estimate import Estimate, estimate
from .job import CoilUse, Job, read_job
from .outputs import Outputs, decoded
from .placed import PosesOf
from .report import JobReport
from .results import Results, read_results
from .run import run

__all__ = [
    "CoilUse",
    "Estimate",
    "Job",
    "JobReport",
    "Outputs",
    "PosesOf",
    "Results",
    "decoded",
    "estimate",
    "read_job",
    "read_results",
    "run",
]
