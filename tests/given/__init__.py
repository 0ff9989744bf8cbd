# SPDX-License-Identifier: BSD-3-Clause
"""What several tests need: heads, coils, files and closed forms."""
