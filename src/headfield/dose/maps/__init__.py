# SPDX-License-Identifier: BSD-3-Clause
"""What pulses at many poses add up to in a region."""
