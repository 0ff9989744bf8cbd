# SPDX-License-Identifier: BSD-3-Clause
"""Pytest plugin (`-p native_plugin`) that runs the tests on the native module in $HEADFIELD_NATIVE.

sanitize.sh builds that module with sanitizers, outside the environment, so that nothing installed is touched.
"""

import importlib.util
import os
import sys

_spec = importlib.util.spec_from_file_location("headfield.core._cpu", os.environ["HEADFIELD_NATIVE"])
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
sys.modules["headfield.core._cpu"] = _module
