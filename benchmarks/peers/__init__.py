# SPDX-License-Identifier: BSD-3-Clause
"""One file per solver. Each says how it is installed and tuned.

A file offers ``LABEL``, ``INSTALL``, ``CONFIGS`` (name -> settings), ``launcher(processes)`` (the
interpreter that runs it), ``missing()`` (why it cannot run, or an empty string) and ``main()``. None imports
its solver before ``main``. ``exchange`` holds what all of them share, ``gpu`` what those on a GPU do.

On a GPU it is run as ``python -m peers.NAME FOLDER CONFIG THREADS``, and measures itself. On the CPU, as
``python -m peers.NAME FOLDER OWN CONFIG THREADS``, it does jobs when asked to (``exchange.serve``): "finish",
which leaves what is to be checked in the folder OWN, and those of its ``KIND``:

- "solve": "setup", and "solve W" for each W of its ``WIDTHS``, with right-hand sides 0 to W - 1; x.npy (k, n)
- "assembly": "assemble"; matrix.npz without node 0
- "field": "field", one pose from files to files; e.npy (m, 3)
"""
