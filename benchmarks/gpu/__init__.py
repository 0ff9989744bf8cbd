# SPDX-License-Identifier: BSD-3-Clause
"""The steps of gpu_check.sh, what packs for it, and the programs that it runs on the device."""
