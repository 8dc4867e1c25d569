"""Keep freed memory instead of returning it to the system after every step (Linux, glibc)."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def keep_memory() -> None:
    """Let malloc reuse large blocks, and ask for huge pages; call before PyTorch is imported.

    A training step on the CPU frees and takes hundreds of megabytes; giving them back to the system costs a page
    fault for every 4 KiB of the next step. See benchmarks/allocator.py for what it saves.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if sys.platform == "linux":
        try:
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(M_MMAP_MAX, 0)
            libc.mallopt(M_TRIM_THRESHOLD, -1)  # as unsigned: never
        except (OSError, AttributeError):  # another C library: nothing is lost but speed
            return
