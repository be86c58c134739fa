"""Failures that a user can understand and act on. Everything else that is raised is a defect."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class F2cError(Exception):
    """A code of the product's catalogue, what happened, where, and what to do about it."""

    def __init__(self, code: str, what: str, where: str, fix: str) -> None:
        super().__init__(f"{code}: {what} ({where}). {fix}.")
        self.code = code
        self.what = what
        self.where = where
        self.fix = fix

    def event(self) -> dict[str, str]:
        """As the starter of a process reads it, in one line of JSON."""
        return {"event": "error", "code": self.code, "what": self.what, "where": self.where, "fix": self.fix}


def not_finite(what: str, head: str) -> F2cError:
    fix = "Lower learningRate, or marginValue and scale; the last checkpoint is kept"
    return F2cError("F2C_LOSS_NOT_FINITE", what, f"{head} head", fix)


def diverged(what: str, head: str) -> F2cError:
    fix = "Lower learningRate, or raise warmup; the last checkpoint is kept"
    return F2cError("F2C_TRAINING_DIVERGED", what, f"{head} head", fix)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the operating system's "no space left" into F2C_DISK_FULL."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise F2cError(
            "F2C_DISK_FULL",
            "The disk takes no more data",
            str(path),
            "Free some space; the training goes on from its newest checkpoint",
        ) from error
