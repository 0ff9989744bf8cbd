# SPDX-License-Identifier: BSD-3-Clause
"""The field around a target again, on a refined part of the head."""
