"""Memory of this process: kept for what comes next."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def keep_freed_memory() -> None:
    """Has the C library keep large blocks that are freed, since every step asks for the same ones again.

    glibc gives those of 32 MiB and more back to the system, which then clears each page anew: of the conversion of
    bytes to network input that is three quarters of the time.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
