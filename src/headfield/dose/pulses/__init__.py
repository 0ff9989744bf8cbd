# SPDX-License-Identifier: BSD-3-Clause
"""Pulses of stimulators: circuits and recordings, what they do to a membrane, and what equals what."""
