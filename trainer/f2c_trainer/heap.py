"""Memory of this process: what is freed is kept, and what is loaded is not looked at."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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


@contextmanager
def loading_modules() -> Iterator[None]:
    """Has the garbage collector pass over what is loaded now: it is no garbage, and to look at all of PyTorch takes a
    tenth of a second, several times while it loads and then whenever old objects are looked at."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
