"""Instances decoded ahead: in processes of their own, or in threads of the trainer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from .decode import shared_pixels
from .errors import F2cError
from .index import Index
from .keyed import Integers
from .shards import ShardFiles

_MOST_THREADS = 8


class Decoders:
    """Decodes instances into rows of `pixels`, uint8 [rows, S, S, 3].

    With `workers`, as many processes do it and a thread each hands them their tasks; with none, the threads do it
    themselves. Processes share the pixels and the files of the index, so the host has each once. The pixels have no
    name in the file system: nothing of them is left behind, and /dev/shm may be as small as it likes.
    """

    def __init__(self, index: Index, shards: Path, rows: int, workers: int, cores: int) -> None:
        descriptor = _memory(rows * index.image_size**2 * 3)
        self.pixels = shared_pixels(descriptor, rows, index.image_size)
        self._files = ShardFiles(shards, index)
        settings = {"index": str(index.folder), "part": index.part, "shards": str(shards)}
        arguments = json.dumps({**settings, "descriptor": descriptor, "rows": rows})
        self._processes = [_start(arguments, descriptor) for _ in range(workers)]
        os.close(descriptor)
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(workers or min(_MOST_THREADS, cores), "decode")

    def submit(self, row: int, instances: Integers, quality: Integers | None) -> Future[None]:
        """Fills pixels[row : row + n] with the instances [n], of a JPEG quality [n] where that is not 0."""
        decode = self._hand_over if self._processes else self._decode
        return self._threads.submit(decode, row, instances, quality)

    def _decode(self, row: int, instances: Integers, quality: Integers | None) -> None:
        self._files.decode(instances, self.pixels[row : row + len(instances)], quality)

    def _hand_over(self, row: int, instances: Integers, quality: Integers | None) -> None:
        task = [row, instances.tolist(), None if quality is None else quality.tolist()]
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            answer = b""
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(task).encode() + b"\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            if not answer:
                raise _died(process)
            if error := json.loads(answer):
                raise F2cError(error["code"], error["what"], error["where"], error["fix"])
        finally:
            self._idle.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.kill()  # it holds nothing
        self._threads.shutdown()
        for process in self._processes:
            process.communicate()


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
