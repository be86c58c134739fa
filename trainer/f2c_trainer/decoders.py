"""Instances decoded ahead: in processes of their own, or in threads of the trainer."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from .decode import TASK, Slots, bytes_of_slots, shared_slots
from .edits import Edits
from .errors import F2cError
from .index import Index
from .keyed import Integers
from .shards import ShardFiles

_MOST_THREADS = 8
_IMAGES_A_TASK = (32, 128)  # at least, at most; in between, a step has one task for each worker


class Decoders:
    """Decodes instances, in slots that are used again and again.

    With `workers`, as many processes do it; with none, threads. Processes share the slots and the files of the index,
    so the host has each once. The slots have no name in the file system: nothing of them is left behind, and /dev/shm
    may be as small as it likes.
    """

    def __init__(self, index: Index, shards: Path, slots: int, workers: int, cores: int) -> None:
        descriptor = _memory(bytes_of_slots(slots, index.image_size))
        self.slots = shared_slots(descriptor, slots, index.image_size)
        self._count = workers or min(_MOST_THREADS, cores)
        try:
            if workers > 0:
                settings = {"index": str(index.folder), "part": index.part, "shards": str(shards), "slots": slots}
                self._workers: _Processes | _Threads = _Processes(workers, settings, descriptor)
            else:
                self._workers = _Threads(self._count, self.slots, ShardFiles(shards, index))
        finally:
            os.close(descriptor)

    def begin(self, slot: int, instances: Integers, edits: Edits) -> Callable[[], Tensor]:
        """Begins to decode and edit the instances [n] in the slots from this one on.

        What it returns waits for that, and gives the pixels. [n, S, S, 3]
        """
        end = slot + len(instances)
        self.slots.instances[slot:end], self.slots.edits[slot:end] = instances, edits
        (least, most), share = _IMAGES_A_TASK, math.ceil(len(instances) / self._count)
        size = min(max(share, least), most)
        tasks = [(begin, min(begin + size, end)) for begin in range(slot, end, size)]
        self._workers.begin(tasks)

        def pixels() -> Tensor:
            for begin, _ in tasks:
                self._workers.wait(begin)
            return torch.from_numpy(self.slots.pixels[slot:end])

        return pixels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._workers.end()


class _Threads:
    def __init__(self, count: int, slots: Slots, files: ShardFiles) -> None:
        self._slots, self._files = slots, files
        self._threads = ThreadPoolExecutor(count, "decode")
        self._tasks: dict[int, Future[None]] = {}  # by their first slots

    def begin(self, tasks: list[tuple[int, int]]) -> None:
        """Of each task: its first slot, and the one after its last."""
        for begin, end in tasks:
            self._tasks[begin] = self._threads.submit(self._slots.decode, self._files, begin, end)

    def wait(self, begin: int) -> None:
        """For the task that begins there. Raises what it failed with."""
        self._tasks.pop(begin).result()

    def end(self) -> None:
        self._threads.shutdown(cancel_futures=True)


class _Processes:
    """All read one pipe: whichever is free takes the next task, and no thread stands between them and the trainer."""

    def __init__(self, count: int, settings: dict[str, object], descriptor: int) -> None:
        source, self._tasks = os.pipe()
        arguments = json.dumps({**settings, "descriptor": descriptor})
        self._answers: dict[int, Any] = {}  # an error, or None, by a task's first slot
        self._answering = DefaultSelector()
        self._processes: list[_Process] = []
        try:
            for _ in range(count):
                self._processes.append(_Process(arguments, descriptor, source))
                self._answering.register(self._processes[-1].output, EVENT_READ, self._processes[-1])
        except BaseException:
            self.end()
            raise
        finally:
            os.close(source)

    def begin(self, tasks: list[tuple[int, int]]) -> None:
        with suppress(BrokenPipeError):  # then there is no answer
            # All at once: a pipe holds thousands, and of the steps that are under way there are few.
            os.write(self._tasks, b"".join(TASK.pack(*task) for task in tasks))

    def wait(self, begin: int) -> None:
        while begin not in self._answers:
            for key, _ in self._answering.select():
                self._answers.update(key.data.answers())
        if (error := self._answers.pop(begin)) is not None:
            raise F2cError(error["code"], error["what"], error["where"], error["fix"])

    def end(self) -> None:
        self._answering.close()
        os.close(self._tasks)
        for process in self._processes:
            process.end()


class _Process:
    def __init__(self, arguments: str, descriptor: int, tasks: int) -> None:
        # Inherited: a Ctrl-C or a stop of the whole group is for the trainer, which then ends its processes.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "f2c_trainer.decode", arguments],
                bufsize=0,
                stdin=tasks,
                stdout=subprocess.PIPE,
                pass_fds=[descriptor],
                # One thread: it multiplies nothing, and a pool of threads for that is slow to start.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        assert self._process.stdout is not None
        self.output = self._process.stdout
        self._unfinished = b""

    def answers(self) -> list[tuple[int, Any]]:
        """Tasks that are done, by their first slots, with an error or None. Raises F2C_TRAINER_DIED."""
        content = os.read(self.output.fileno(), 2**16)
        if not content:
            raise self._died()
        *lines, self._unfinished = (self._unfinished + content).split(b"\n")
        return [json.loads(line) for line in lines]

    def _died(self) -> F2cError:
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        what = f"A process that decodes images ended with {how}"
        fix = "The training goes on from its newest checkpoint; if signal 9 recurs, the machine is short of memory"
        return F2cError("F2C_TRAINER_DIED", what, f"process {self._process.pid}", fix)

    def end(self) -> None:
        self._process.kill()  # it holds nothing
        self._process.communicate()


def _memory(size: int) -> int:
    """A file of `size` bytes in memory, or where there is no such thing, on disk; it goes with its descriptors."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("slots")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)
    return descriptor
