# SPDX-License-Identifier: BSD-3-Clause
"""A WebSocket, and a page on the same port that shows the field as the coil moves.

`server` is the way in; the files of `browser/` are what runs in the browser.
"""
