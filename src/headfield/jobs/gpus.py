# SPDX-License-Identifier: BSD-3-Clause
"""GPUs are dealt out one a process, by locks that end with the process."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from ..core.device import wanted
from ..errors import DeviceError, StorageError
from ..io.locked import LockedFile

__all__ = ["device_of", "gpus_here"]

_FOLDER = "/proc/driver/nvidia/gpus"
_DEVICES = "/dev/nvidia"
_taken: LockedFile | None = None


def gpus_here() -> dict[str, str]:
    """Return the GPUs that this process may use, from the value CUDA_VISIBLE_DEVICES takes to an identity.

    The identity is the UUID where the driver tells it: "0" is another GPU in another process's list. CUDA
    is not touched: after that a process can't be forked, nor choose.

    Examples
    --------
    >>> isinstance(gpus_here(), dict)
    True
    """
    by_index = _uuids()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return {uuid: uuid for uuid in by_index}
    entries = [word.strip() for word in visible.split(",")]
    found: dict[str, str] = {}
    for entry in entries:
        if not entry or entry == "-1":
            break  # CUDA takes none from here on
        is_index = entry.isdigit() and int(entry) < len(by_index)
        whole = [uuid for uuid in by_index if uuid.startswith(entry)]
        found[entry] = by_index[int(entry)] if is_index else whole[0] if len(whole) == 1 else entry
    return found


def _uuids() -> list[str]:
    """Return the UUIDs of the GPUs in the order of their places on the bus; none without a driver.

    Those are left out that this process can't open, as within a job of Slurm: CUDA doesn't count them either.
    """
    made = []
    for folder in sorted(Path(_FOLDER).glob("*")) if os.path.isdir(_FOLDER) else []:
        try:
            told = (folder / "information").read_text()
        except OSError:
            continue
        match = re.search(r"GPU UUID:\s*(GPU-[0-9a-f-]+)", told)
        minor = re.search(r"Device Minor:\s*(\d+)", told)
        if match is not None and (minor is None or _opens(f"{_DEVICES}{minor[1]}")):
            made.append(match[1])
    return made


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDWR))
    except FileNotFoundError:
        return not os.path.exists(f"{_DEVICES}ctl")  # elsewhere than it mostly is
    except OSError:
        return False
    return True


def device_of(device: str) -> str:
    """Take a GPU for this process if there is one that no other has, and return the device to compute on.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    {"auto", "cpu", "cuda"}
        "cpu" where all GPUs are taken and "auto" was asked for.

    Raises
    ------
    DeviceError
        All GPUs are taken by other processes, and one was asked for.
    """
    global _taken
    if wanted(device)[0] == "cpu" or _taken is not None or "cupy" in sys.modules:
        return device
    gpus = gpus_here()
    if not gpus:
        return device  # there is none, or none that is known of: the model says so
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # that of the list above
    for entry, identity in gpus.items():
        try:
            _taken = LockedFile(_locks() / re.sub(r"[^\w.-]", "_", f"gpu-{identity}.lock"))
        except StorageError:
            continue
        os.environ["CUDA_VISIBLE_DEVICES"] = entry
        return device
    if wanted(device)[0] == "cuda":
        raise DeviceError(f"all {len(gpus)} GPUs here are taken by other processes of headfield's jobs")
    return "cpu"


def _locks() -> Path:
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"headfield-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
