"""The processes that decode: they end with the trainer, however it ends, and their own end is a clear error."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

import f2c_trainer
from f2c_trainer.augment import DRAWS, edits
from f2c_trainer.decoders import Decoders
from f2c_trainer.edits import no_edits
from f2c_trainer.errors import F2cError
from f2c_trainer.gpu_decoders import GpuDecoders
from f2c_trainer.index import Index
from f2c_trainer.keyed import key, uniform
from f2c_trainer.loaders import Batch

from .test_cli import ENDLESS, PATIENCE, TRAINER, await_event, write_config
from .test_loaders import CHANGES, loaders_of

WORKERS = 2
PACKAGE = Path(f2c_trainer.__file__).parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def workers_on(data: Path) -> list[int]:
    """Processes that decode for whichever trainer on this data."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"f2c_trainer.decode" in line and str(data).encode() in line:
            found.append(int(folder.name))
    return found


def await_no_worker(data: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while workers_on(data):
        assert time.monotonic() < deadline, "an orphan is left"
        time.sleep(0.02)


def endless(data: Path) -> Generator[Batch, None, None]:
    return loaders_of(data, loaderWorkers=WORKERS).batches(0, 1_000_000)


def names(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def test_workers_are_there_while_batches_are_and_nothing_of_them_after(data: Path) -> None:
    def used(ends: bool) -> None:
        with closing(endless(data)) as batches:
            next(batches)
            assert len(workers_on(data)) == WORKERS
            assert names("/dev/shm") == shared
            if not ends:
                raise ZeroDivisionError

    gc.collect()  # errors of other tests hold their slots
    shared, descriptors = names("/dev/shm"), names("/proc/self/fd")
    used(ends=True)
    assert workers_on(data) == []
    with pytest.raises(ZeroDivisionError):
        used(ends=False)
    assert workers_on(data) == []
    assert names("/proc/self/fd") == descriptors


def test_a_worker_loads_no_pytorch() -> None:
    code = "import sys, f2c_trainer.decode; print('numpy' in sys.modules, 'torch' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, cwd=PACKAGE.parent).stdout == b"True False\n"


def test_workers_leave_signals_to_the_trainer(data: Path) -> None:
    with closing(endless(data)) as batches:
        for number in (signal.SIGINT, signal.SIGTERM):
            for worker in workers_on(data):
                os.kill(worker, number)
        for _ in range(20):
            next(batches)
        assert len(workers_on(data)) == WORKERS


def test_a_worker_that_dies_is_told(data: Path) -> None:
    with closing(endless(data)) as batches:
        next(batches)
        killed = workers_on(data)[0]
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(F2cError) as caught:
            deque(batches, maxlen=0)
    assert str(caught.value) == (
        f"F2C_TRAINER_DIED: A process that decodes images ended with signal 9 (process {killed}). "
        "The training goes on from its newest checkpoint; if signal 9 recurs, the machine is short of memory."
    )
    assert workers_on(data) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 4)])
def test_workers_end_with_a_trainer_that_is_ended(
    data: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    config = write_config(data, tmp_path, images=ENDLESS, loaderWorkers=WORKERS)
    with subprocess.Popen([*TRAINER, config], stderr=subprocess.PIPE, cwd=PACKAGE.parent) as process:
        try:
            await_event(tmp_path, "step", process)
            assert len(workers_on(data)) == WORKERS
            process.send_signal(number)
            assert process.wait(timeout=PATIENCE) == code
            await_no_worker(data)
        finally:
            process.kill()


def test_a_defect_of_a_process_that_decodes_is_told_as_one(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    index = Index(data / "index", "train")
    with Decoders(index, data / "shards", 1, 1, 1) as decoders:
        pixels = decoders.begin(0, np.array([index.instances]), no_edits(1))
        with pytest.raises(F2cError, match=r"F2C_STEP_CRASHED: A process that decodes images crashed: IndexError"):
            pixels()
    assert "Traceback" in capfd.readouterr().err


def test_a_gpu_that_is_not_there_cannot_decode(data: Path) -> None:
    with pytest.raises(F2cError, match=r'F2C_CONFIG_INVALID: "decodeOn" is gpu, but there is no GPU') as caught:
        next(loaders_of(data, decodeOn="gpu").batches(0, 1))
    assert caught.value.fix == 'Set "decodeOn" to cpu'


@pytest.mark.skipif(not torch.cuda.is_available() or find_spec("torchvision") is None, reason="needs both")
def test_a_gpu_decodes_what_a_cpu_does(data: Path) -> None:
    device = torch.device("cuda")
    index = Index(data / "index", "train")
    instances = np.arange(index.instances)
    draws = uniform(key("draws"), instances, DRAWS)
    rows = edits(draws, {*CHANGES} - {"jpeg"}, index.image_size)
    with Decoders(index, data / "shards", len(instances), 0, 1) as on_cpu:
        expected = on_cpu.begin(0, instances, rows)().int()
    with GpuDecoders(index, data / "shards", device, 2) as on_gpu:
        pixels = on_gpu.begin(0, instances, rows)()
    assert pixels.is_cuda
    assert (pixels.cpu().int() - expected).abs().max() <= 6


@pytest.mark.parametrize("workers", [0, WORKERS])
def test_memory_stays_as_it_is_over_many_epochs(data: Path, workers: int) -> None:
    # In a process of its own: the memory of this one comes and goes with what other tests have left.
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        assert fresh.submit(growth, data, workers, 500, 2500).result() < 2 * 1024  # less than one KiB a step


def growth(data: Path, workers: int, warm_up: int, steps: int) -> int:
    """KiB that the loaders take after so many steps more than before, of 12 images each out of 42."""
    used = []
    with closing(loaders_of(data, loaderWorkers=workers, augment=CHANGES).batches(0, warm_up + steps)) as batches:
        for number, batch in enumerate(batches):
            assert batch.images.any()
            if number in (warm_up, warm_up + steps - 1):
                used.append(sum(private_kib(process) for process in [os.getpid(), *workers_on(data)]))
    return used[1] - used[0]


def private_kib(process: int) -> int:
    """What the process has of its own, and of what it shares with others: all but mapped files."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))
