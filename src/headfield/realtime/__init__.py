# SPDX-License-Identifier: BSD-3-Clause
"""A field for every frame: a basis of a head for sources outside it."""
