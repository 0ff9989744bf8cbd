# SPDX-License-Identifier: BSD-3-Clause
"""Typed errors: each message names the thing that is wrong, and where."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ArgumentError",
    "CoilError",
    "ConductivityError",
    "ConvergenceError",
    "DeviceError",
    "DoseError",
    "FileFormatError",
    "HeadfieldError",
    "MeasureError",
    "MeshError",
    "MissingPackageError",
    "NetworkError",
    "PlausibilityWarning",
    "PoseError",
    "RegionError",
    "StorageError",
]


class HeadfieldError(Exception):
    """Base class of every error that headfield raises on purpose."""


class ArgumentError(HeadfieldError, ValueError):
    """An option or an array that is not of the kind, the shape or the range it must be."""


class MissingPackageError(HeadfieldError, ImportError):
    """A package that headfield uses only for this; the message says how to install it."""


class MeshError(HeadfieldError, ValueError):
    """A mesh, or the content of a mesh file, that no field can be computed on."""


class CoilError(HeadfieldError, ValueError):
    """A coil, or the content of a coil file, that is damaged or not physical."""


class PoseError(HeadfieldError, ValueError):
    """A coil pose that is not a rigid placement; the message says which one and by how much."""


class RegionError(HeadfieldError, ValueError):
    """A region that is empty, lies elsewhere or can't be made; the message says what was asked for."""


class MeasureError(HeadfieldError, ValueError):
    """A measure of E whose values or derivatives are not numbers, or that has no derivative at some pose."""


class ConductivityError(HeadfieldError, ValueError):
    """A conductivity that is missing, not positive, or not a symmetric positive-definite tensor."""


class DoseError(HeadfieldError, ValueError):
    """A pulse, a protocol, a threshold or an intensity that can't be; the message says what and why."""


class FileFormatError(HeadfieldError, ValueError):
    """A file of a kind that headfield doesn't read or write."""


class StorageError(HeadfieldError, OSError):
    """A result that can't be written: a full disk, a quota, a limit, or another run that writes it."""


class NetworkError(HeadfieldError, OSError):
    """A port that can't be listened on, or a message of another program that is damaged."""


class DeviceError(HeadfieldError, RuntimeError):
    """A device that is absent or unusable, or a result that does not fit its memory."""


class PlausibilityWarning(UserWarning):
    """What is possible but hardly meant, such as a dI/dt of 50 A/s; ignore this category to silence it."""


class ConvergenceError(HeadfieldError, RuntimeError):
    """The iterative solver stopped before the tolerance.

    Attributes
    ----------
    report : object
        The solve report: iterations and relative residual per pose.
    partial : object
        The field as far as it got; poses whose residual is below the tolerance are final.
    """

    def __init__(self, message: str, report: Any = None, partial: Any = None) -> None:
        super().__init__(message)
        self.report = report
        self.partial = partial
