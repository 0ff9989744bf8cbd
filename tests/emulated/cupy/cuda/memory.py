# SPDX-License-Identifier: BSD-3-Clause
from cupy._memory import Memory, MemoryPointer, MemoryPool, OutOfMemoryError, UnownedMemory, alloc

__all__ = ["Memory", "MemoryPointer", "MemoryPool", "OutOfMemoryError", "UnownedMemory", "alloc"]
