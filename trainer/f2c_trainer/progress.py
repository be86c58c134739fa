"""How a training goes: its `step` and `validation` events, and the same numbers for TensorBoard."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from .events import Events
from .head import Loss
from .loaders import Batch
from .pairs import Verification
from .tensorboard import Board
from .training import Training

_SHORTEST, _LONGEST, _SHARE = 0.5, 10.0, 1e-3  # seconds from one event to the next; share of the time so far


class Progress:
    """Tells of a step every half second at first and ever less often later, so that days of training stay readable."""

    def __init__(self, training: Training, events: Events) -> None:
        self._training, self._events = training, events
        folder, is_first = Path(training.config.work) / "tensorboard", training.processes.rank == 0
        self._board = Board(folder, training.step) if is_first else None  # only the first process tells
        self._began = self._told = time.monotonic()
        self._told_step, self._waited = training.step, 0.0  # seconds of waiting since it was told
        self._quiet_until = 0.0

    def awaited(self, batches: Iterator[Batch]) -> Batch:
        """The next batch; the time that it takes is that which the training waits for data."""
        began = time.monotonic()
        batch = next(batches)
        self._waited += time.monotonic() - began
        return batch

    def stepped(self, loss: Loss, learning_rate: float) -> None:
        now, training = time.monotonic(), self._training
        if self._board is None or (now < self._quiet_until and training.step < training.steps):
            return
        images_per_step, seconds = training.order.images_per_step, now - self._told
        numbers = {
            "loss": training.loss,
            "inPool": _number(loss.in_pool),
            "outOfPool": _number(loss.out_of_pool),
            "poolHitRate": loss.pool_hit_rate,
            "evictions": loss.evictions,
            "gradientNorm": _number(loss.gradient_norm),
            "learningRate": learning_rate,
            "imagesPerSecond": round((training.step - self._told_step) * images_per_step / seconds, 1),
            "waitShare": round(self._waited / seconds, 3),
            "memoryMiB": round(_most_memory(training.device) / 2**20),
        }
        # A step that fp16 skips has no finite loss.
        known = {name: value if value is not None and math.isfinite(value) else None for name, value in numbers.items()}
        images = min(training.step * images_per_step, training.config.images)
        self._events.write("step", step=training.step, images=images, **known)
        self._board.write(training.step, known)
        self._told, self._told_step, self._waited = now, training.step, 0.0
        self._quiet_until = now + min(max(_SHORTEST, _SHARE * (now - self._began)), _LONGEST)

    def validated(self, result: Verification) -> None:
        if self._board is None:
            return
        numbers = {"accuracy": result.accuracy, "tarAtFar1e3": result.tar_at_far_1e3}
        self._events.write("validation", step=self._training.step, **numbers)
        self._board.write(self._training.step, {f"validation/{name}": value for name, value in numbers.items()})

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def _number(tensor: Tensor | None) -> float | None:
    return None if tensor is None else tensor.item()


def _most_memory(device: torch.device) -> int:
    """Bytes at the peak so far: of the GPU, or of the process where there is none."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
