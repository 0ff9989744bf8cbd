# SPDX-License-Identifier: BSD-3-Clause
"""What the peers on a GPU share: waiting for the device, seconds, memory, and what the device is.

Run by itself (``python -m peers.gpu FOLDER CONFIG THREADS``) it describes the device and measures how fast
it copies its own memory, the bound of everything here. Seconds are wall time between two waits for the whole
device: that holds on whichever stream a library works, and counts what its host side costs.
"""

import json
import statistics
import sys
from pathlib import Path

from peers import exchange

INSTALL = "pip install cupy-cuda13x"
CONFIGS = {"copy": {}}
GRAY = 2  # tag
DIDT = 1e6  # A/s
TOLERANCE = 1e-6
COMPARED = 4  # poses whose E is handed over and compared
COPY_BYTES = 2**30
FIND = "import cupy; cupy.cuda.runtime.getDeviceCount(); cupy.zeros(1)"


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why no GPU can be used, or an empty string."""
    return exchange.import_failure(launcher(1), FIND)


def case(folder):
    """What is asked for: ``device``, ``repeats``, ``quick``, ``coil`` (a file)."""
    return json.loads((Path(folder) / "case.json").read_text())


class Device:
    """The GPU through CuPy; or, to try a script without one, the CPU through NumPy."""

    def __init__(self, name="cuda"):
        self.cupy = None
        if name == "cuda":
            import cupy

            self.cupy = cupy
            cupy.zeros(1)  # the context is there before anything is timed or weighed
        self.before = self.used_mib()

    def wait(self):
        """Until the device has nothing left to do."""
        if self.cupy:
            self.cupy.cuda.runtime.deviceSynchronize()

    def array(self, values):
        """A copy of a NumPy array on the device."""
        return self.cupy.asarray(values) if self.cupy else values

    def host(self, values):
        """A NumPy array of one that may be on the device."""
        return values.get() if hasattr(values, "get") else values

    def used_mib(self):
        """Device memory in use by anybody [MiB]; 0 without a GPU."""
        if not self.cupy:
            return 0.0
        free, total = self.cupy.cuda.Device().mem_info
        return (total - free) / 2**20

    def memory(self):
        """Device memory [MiB] taken since the start, and what of it CuPy's pool holds."""
        pool = self.cupy.get_default_memory_pool().total_bytes() / 2**20 if self.cupy else 0.0
        return {"gpu_mib": self.used_mib() - self.before, "cupy_pool_mib": pool}

    def release(self):
        """Give the pool's unused memory back."""
        if self.cupy:
            self.cupy.get_default_memory_pool().free_all_blocks()

    def timed(self, function, *args):
        """Result of ``function(*args)`` and its seconds, the device idle before and after."""
        self.wait()

        def whole():
            result = function(*args)
            self.wait()
            return result

        result, seconds = exchange.timed(whole)
        return result, seconds["wall"]

    def median(self, repeats, function, *args):
        """The last result, median and least seconds of ``repeats`` calls, after one that warms up."""
        function(*args)
        seconds = []
        for _ in range(repeats):
            result = None  # let the last one go first: room for one is enough
            result, elapsed = self.timed(function, *args)
            seconds.append(elapsed)
        return result, {"median_s": statistics.median(seconds), "least_s": min(seconds)}


def each(widths, function, entries=None, after=lambda: None):
    """``function(width)`` per width; where one fails, why, and the rest goes on.

    Entries go to ``entries``, if given; ``after`` is called after each.
    """
    entries = {} if entries is None else entries
    for width in widths:
        try:
            entries[str(width)] = function(width)
        except Exception as error:
            entries[str(width)] = {"failure": f"{type(error).__name__}: {error}"[:200]}
            print(f"{width}: {entries[str(width)]['failure']}", file=sys.stderr)
        after()
    return entries


def copy_rate(cupy):
    """Bytes read and written per second [GB/s] by a copy within the device; the best of ten."""
    source = cupy.zeros(COPY_BYTES, dtype=cupy.uint8)
    target = cupy.empty_like(source)
    best = float("inf")
    for _ in range(11):
        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        target.data.copy_from_device_async(source.data, COPY_BYTES, cupy.cuda.get_current_stream())
        stop.record()
        stop.synchronize()
        best = min(best, cupy.cuda.get_elapsed_time(start, stop))
    return 2 * COPY_BYTES / (best * 1e6)


def main():
    import cupy

    folder, _, _ = exchange.arguments(CONFIGS)
    runtime, device = cupy.cuda.runtime, cupy.cuda.Device()
    name = runtime.getDeviceProperties(device.id)["name"]
    exchange.finish(
        folder,
        None,
        device=name.decode() if isinstance(name, bytes) else str(name),
        compute_capability=device.compute_capability,
        memory_mib=device.mem_info[1] / 2**20,
        driver=driver(),
        driver_cuda=runtime.driverGetVersion(),
        runtime_cuda=runtime.runtimeGetVersion(),
        cupy=cupy.__version__,
        copy_gb_s=copy_rate(cupy),
    )


def driver():
    """The driver's version, as the kernel module says."""
    path = Path("/proc/driver/nvidia/version")
    if path.exists():
        numbers = [word for word in path.read_text().split() if word.count(".") == 2 and word[0].isdigit()]
        if numbers:
            return numbers[0]
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return exchange.output(command)


if __name__ == "__main__":
    main()
