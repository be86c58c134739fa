"""No orphans: a controlled training ends with the process that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from threading import Thread

EXIT_ORPHANED = 5
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ends this process at once when stdin closes, or, on Linux, when its direct parent dies.

    The starter holds the other end of stdin, whatever stands between it and us (torchrun hands stdin on).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    Thread(target=_wait_for_end_of_stdin, name="lifeline", daemon=True).start()


def _wait_for_end_of_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(EXIT_ORPHANED)
