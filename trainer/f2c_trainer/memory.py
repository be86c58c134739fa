"""When the memory runs out, told as what a user can do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .config import Config
from .errors import F2cError

_ASKED_CPU = re.compile(r"DefaultCPUAllocator: .* tried to allocate (\d+ bytes)")  # PyTorch has no class for it
_ASKED_GPU = re.compile(r"Tried to allocate ([\d.]+ \w+)")


@contextmanager
def telling_of_memory(config: Config) -> Iterator[None]:
    """Turns "out of memory" into F2C_OUT_OF_MEMORY."""
    try:
        yield
    except Exception as error:
        if (known := out_of_memory(error, config)) is None:
            raise
        raise known from error


def out_of_memory(error: BaseException, config: Config) -> F2cError | None:
    """What to tell if that is what the error is about."""
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError):
        where, asked = "GPU", _ASKED_GPU.search(text)
    elif isinstance(error, MemoryError):
        where, asked = "CPU", None
    elif isinstance(error, RuntimeError) and (asked := _ASKED_CPU.search(text)) is not None:
        where = "CPU"
    else:
        return None
    what = "The memory ran out" if asked is None else f"The memory ran out: {asked[1]} more were asked for"
    step = f"{config.identities_per_step} identities and {config.instances_per_step} instances a step"
    return F2cError("F2C_OUT_OF_MEMORY", what, f"{where}, {step}", _advice(config))


def _advice(config: Config) -> str:
    smaller = 'Lower "identitiesPerStep" and "instancesPerStep" (and raise "accumulate" for it)'
    if config.head == "dcp":
        return f'{smaller}, or "poolSize"'
    return f'{smaller}, or take "head": "dcp", which does not grow with the identities'
