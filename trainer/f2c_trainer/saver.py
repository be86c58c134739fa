"""Checkpoints off the training thread, which only copies the state into buffers of its own and goes on.

Of several processes the first one decides, writes and tells; the others write their shares, if they have any.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from .checkpoint import Checkpoint, remove_checkpoint, remove_leftovers, save_checkpoint, save_share
from .distributed import PeerLostError
from .errors import writing
from .events import Events
from .training import Training

_LOOK = 0.05  # seconds between two looks for a share


class Saver:
    """Takes checkpoints when they are due, writes and announces one at a time, and removes those that are done with.

    What goes wrong while one is written is raised on the training thread, by the next call.
    """

    def __init__(self, training: Training, events: Events) -> None:
        self._training, self._events, self._config = training, events, training.config
        self._processes, self._is_first = training.processes, training.processes.rank == 0
        self._folder = (Path(training.config.work) / "checkpoints").resolve()
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        if self._is_first:
            remove_leftovers(self._folder)
        self._processes.wait_for_all()
        self._buffers: dict[str, Tensor] = {}
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._first = training.step
        self._began = self._saved_at = time.monotonic()
        self._due = False

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever ends the training, the checkpoint that is being written is finished."""
        self._writer.shutdown()

    def follow(self, *, at_once: bool) -> None:
        """Between two steps: takes a checkpoint if it is due, or `at_once`; while one is being written, a due one waits
        for a later step."""
        if not self._busy:
            self._wait()
        self._due |= self._is_first and self._training.step > self._first and self._is_due()
        wish = not at_once and self._due and not self._busy and not self._full
        if self._processes.agreed("save", wish) or at_once:
            self._save("checkpoint")

    def finish(self, event: str, **fields: object) -> None:
        """Takes the last checkpoint and waits for it."""
        self._save(event, **fields)
        self._wait()

    def _is_due(self) -> bool:
        seconds = self._config.checkpoint_every_seconds
        late = seconds is not None and time.monotonic() - self._saved_at >= seconds
        return late or self._training.passed(self._config.checkpoint_every_steps)

    @property
    def _busy(self) -> bool:
        return self._writing is not None and not self._writing.done()

    @property
    def _full(self) -> bool:
        """Whoever takes the checkpoints away does not keep up."""
        return self._config.controlled and len(self._steps()) >= self._config.keep_last

    def _wait(self) -> None:
        """For the checkpoint that is being written; raises what went wrong with it."""
        if self._writing is not None:
            self._writing.result()

    def _save(self, event: str, **fields: object) -> None:
        self._wait()
        checkpoint = self._training.checkpoint()
        if not self._is_first:
            checkpoint = replace(checkpoint, model={}, state={})  # the first one has the same
        copy = replace(
            checkpoint,
            model=self._copied("model", checkpoint.model),
            state=self._copied("state", checkpoint.state),
            shares=[self._copied("share", share) for share in checkpoint.shares],
        )
        copied = torch.cuda.current_stream().record_event() if self._training.device.type == "cuda" else None
        self._due, self._saved_at = False, time.monotonic()
        self._writing = self._writer.submit(self._write, copy, copied, event, fields)

    def _copied(self, part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Copies in memory that every checkpoint uses again; on a GPU they are complete when its queue is there."""
        copies = {}
        for name, tensor in tensors.items():
            buffer = self._buffers.get(f"{part}.{name}")
            if buffer is None or buffer.shape != tensor.shape:  # samples of centres differ in size
                pinned = self._training.device.type == "cuda"
                buffer = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=pinned)
                self._buffers[f"{part}.{name}"] = buffer
            copies[name] = buffer.copy_(tensor.detach(), non_blocking=True)
        return copies

    def _write(
        self, checkpoint: Checkpoint, copied: torch.cuda.Event | None, event: str, fields: dict[str, object]
    ) -> None:
        """On the writer thread."""
        if copied is not None:
            copied.synchronize()
        if not self._is_first:
            save_share(self._share(checkpoint, self._processes.rank), checkpoint)
            return
        save_checkpoint(self._folder / str(checkpoint.step), checkpoint, self._shares(checkpoint))
        self._announce(event, checkpoint, **fields)
        if not self._config.controlled:
            self._prune(checkpoint)

    def _share(self, checkpoint: Checkpoint, rank: int) -> Path:
        """Where a process leaves its share for the first one."""
        return self._folder / f".{checkpoint.step}.share-{rank}"

    def _shares(self, checkpoint: Checkpoint) -> Iterator[Path]:
        """Those of the others, as soon as each is there."""
        for rank in range(1, self._processes.world if checkpoint.shares else 1):
            path = self._share(checkpoint, rank)
            while not path.exists():
                if self._processes.some_ended():
                    raise PeerLostError(f"Process {rank} has not saved its share of step {checkpoint.step}")
                time.sleep(_LOOK)
            yield path

    def _announce(self, event: str, checkpoint: Checkpoint, **fields: object) -> None:
        if (best := checkpoint.best) is not None:
            folder = self._folder / str(best.step)
            path = str(folder) if folder.exists() else None  # it may be where an earlier process worked
            fields |= {"bestStep": best.step, "bestAccuracy": best.accuracy, "bestPath": path}
        self._events.write(
            event,
            step=checkpoint.step,
            path=str(self._folder / str(checkpoint.step)),
            seconds=round(self._saved_at - self._began, 3),
            **fields,
        )

    def _prune(self, checkpoint: Checkpoint) -> None:
        """Keeps the newest ones, the best one, the first of every `keepEvery` steps and the one resumed from."""
        steps = [step for step in self._steps() if step <= checkpoint.step]
        kept = set(steps[-self._config.keep_last :])
        if checkpoint.best is not None:
            kept.add(checkpoint.best.step)
        if (every := self._config.keep_every) is not None:
            kept |= {later for earlier, later in pairwise([0, *steps]) if later // every > earlier // every}
        for step in set(steps) - kept:
            folder = self._folder / str(step)
            if self._config.resume is None or folder != Path(self._config.resume).resolve():
                remove_checkpoint(folder)

    def _steps(self) -> list[int]:
        """Of the checkpoints on disk, ascending."""
        return sorted(int(folder.name) for folder in self._folder.iterdir() if folder.name.isdigit())
