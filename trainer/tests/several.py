"""Several trainings in the processes of one torchrun, because each start takes seconds: CONFIG=UPDATES=PRECISION...

After so many updates every process asks for a stop, which comes one update later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from f2c_trainer.config import load_config
from f2c_trainer.distributed import Processes
from f2c_trainer.events import Events
from f2c_trainer.train import train

from .support import StopAfter


@contextmanager
def double() -> Iterator[None]:
    """Networks, pool and heads in double precision: rounding, which trainings amplify, then hides no mistake."""

    def widened(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(one.double() if isinstance(one, Tensor) else one for one in inputs)

    hook = register_module_forward_pre_hook(widened)  # type: ignore[arg-type]  # it may return the inputs
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        hook.remove()


if __name__ == "__main__":
    joined = Processes.joined()
    for argument in sys.argv[1:]:
        path, updates, precision = argument.split("=")
        config, stop = load_config(path), StopAfter(int(updates))
        with double() if precision == "double" else nullcontext():
            train(config, Events(Path(config.work)), stop, Processes(joined.rank, joined.world))
    joined.leave()
