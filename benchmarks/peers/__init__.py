# SPDX-License-Identifier: BSD-3-Clause
"""One file per solver. Each says how it is installed and tuned.

A file offers ``LABEL``, ``INSTALL``, ``CONFIGS`` (name -> settings), ``launcher(processes)`` (the
interpreter that runs it), ``missing()`` (why it cannot run, or an empty string) and ``main()``, which is
run as ``python -m peers.NAME FOLDER CONFIG THREADS``. None imports its solver before ``main``. ``exchange``
holds what all of them share, ``gpu`` what those on a GPU do.
"""
