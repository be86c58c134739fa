"""Instances decoded ahead: in processes of their own, or in threads of the trainer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from .decode import shared_pixels
from .errors import F2cError
from .index import Index
from .keyed import Integers
from .shards import ShardFiles

_MOST_THREADS = 8
_IMAGES_A_TASK = 64
_TASKS_AHEAD = 2  # of a process


class Decoders:
    """Decodes instances into rows of `pixels`, uint8 [rows, S, S, 3].

    With `workers`, as many processes do it; with none, threads. Processes share the pixels and the files of the index,
    so the host has each once. The pixels have no name in the file system: nothing of them is left behind, and /dev/shm
    may be as small as it likes.
    """

    def __init__(self, index: Index, shards: Path, rows: int, workers: int, cores: int) -> None:
        descriptor = _memory(rows * index.image_size**2 * 3)
        self.pixels = shared_pixels(descriptor, rows, index.image_size)
        self._files = ShardFiles(shards, index)
        settings = {"index": str(index.folder), "part": index.part, "shards": str(shards)}
        arguments = json.dumps({**settings, "descriptor": descriptor, "rows": rows})
        self._processes = [_start(arguments, descriptor) for _ in range(workers)]
        os.close(descriptor)
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads = ThreadPoolExecutor(workers or min(_MOST_THREADS, cores), "decode")
        for process in self._processes:
            self._threads.submit(_serve, process, self._tasks)

    def begin(self, row: int, instances: Integers, quality: Integers | None) -> Callable[[], Tensor]:
        """Begins to fill pixels[row : row + n] with the instances [n], of a JPEG quality [n] where that is not 0.

        What it returns waits for that, and gives the pixels. [n, S, S, 3]
        """
        parts = [slice(i, i + _IMAGES_A_TASK) for i in range(0, len(instances), _IMAGES_A_TASK)]
        tasks = [
            self._submit(row + part.start, instances[part], None if quality is None else quality[part])
            for part in parts
        ]

        def pixels() -> Tensor:
            for task in tasks:
                task.result()
            return torch.from_numpy(self.pixels[row : row + len(instances)])

        return pixels

    def _submit(self, row: int, instances: Integers, quality: Integers | None) -> Future[None]:
        if not self._processes:
            return self._threads.submit(self._decode, row, instances, quality)
        line = json.dumps([row, instances.tolist(), None if quality is None else quality.tolist()])
        task = _Task(line.encode() + b"\n", Future())
        self._tasks.put(task)
        return task.done

    def _decode(self, row: int, instances: Integers, quality: Integers | None) -> None:
        self._files.decode(instances, self.pixels[row : row + len(instances)], quality)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()  # it holds nothing
            self._tasks.put(None)
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.communicate()


@dataclass(frozen=True)
class _Task:
    line: bytes  # as decode.py reads it
    done: Future[None]


def _serve(process: subprocess.Popen[bytes], tasks: SimpleQueue[_Task | None]) -> None:
    """Hands tasks to a process until there is a None or the process ends.

    It has its next task before it is done with one: otherwise it would wait for this thread, which waits for others.
    """
    under_way: deque[_Task] = deque()
    while True:
        try:
            task = tasks.get(block=not under_way)
        except Empty:
            _answered(process, under_way.popleft())
            continue
        if task is None:
            return
        under_way.append(task)
        _send(process, task.line)
        if len(under_way) == _TASKS_AHEAD:
            _answered(process, under_way.popleft())


def _send(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # then there is no answer
        process.stdin.write(line)
        process.stdin.flush()


def _answered(process: subprocess.Popen[bytes], task: _Task) -> None:
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        task.done.set_exception(_died(process))
    elif error := json.loads(answer):
        task.done.set_exception(F2cError(error["code"], error["what"], error["where"], error["fix"]))
    else:
        task.done.set_result(None)


def _memory(size: int) -> int:
    """A file of `size` bytes in memory, or where there is no such thing, on disk; it goes with its descriptors."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("pixels")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)
    return descriptor


def _start(arguments: str, descriptor: int) -> subprocess.Popen[bytes]:
    # Inherited: a Ctrl-C or a stop of the whole group is for the trainer, which then ends its processes.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "f2c_trainer.decode", arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[descriptor],
            # One thread: it multiplies nothing, and a pool of threads for that is slow to start.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _died(process: subprocess.Popen[bytes]) -> F2cError:
    code = process.wait()
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    what = f"A process that decodes images ended with {how}"
    fix = "The training goes on from its newest checkpoint; if signal 9 recurs, the machine is short of memory"
    return F2cError("F2C_TRAINER_DIED", what, f"process {process.pid}", fix)
