"""What the benchmark `loader` measures, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # PyTorch is loaded by the processes that need it
    from f2c_trainer.config import Config
    from f2c_trainer.loaders import Loaders

FOLDER = Path(__file__).parent.parent.parent / ".f2c" / "bench" / "loader"
CORES = os.cpu_count() or 1
IMAGES, WARM_UP = 256, 8  # a step, steps
DECODED = 20_480  # images of one measurement
FED = 8  # steps of the training by the loader, and as many in memory
LARGE_STEPS = 20
CHANGES = ["flip", "shift", "crop", "brightness", "blur", "downscale", "jpeg", "occlusion"]


def bare(kind: str, decode: Callable[[int], None]) -> dict[str, float]:
    """Images a second by nothing but decoders, one a core, of bytes that are in memory."""
    context = multiprocessing.get_context("fork")
    executors: dict[str, Callable[[], Executor]] = {
        "threads": lambda: ThreadPoolExecutor(CORES),
        "processes": lambda: ProcessPoolExecutor(CORES, context),
    }
    with executors[kind]() as executor:
        for _ in range(2):
            began = time.perf_counter()
            list(executor.map(decode, range(CORES)))
            seconds = time.perf_counter() - began
    return {"imagesPerSecond": DECODED / seconds}


def decode(worker: int) -> None:
    import simplejpeg

    for jpeg in jpegs()[worker:DECODED:CORES]:
        simplejpeg.decode_jpeg(jpeg, "RGB")


def decode_in_place(worker: int) -> None:
    import simplejpeg

    from f2c_trainer.edits import empty_images

    [image] = empty_images(1, 112)
    for jpeg in jpegs()[worker:DECODED:CORES]:
        simplejpeg.decode_jpeg(jpeg, "RGB", buffer=image)


@cache
def jpegs() -> list[bytes]:
    import numpy as np

    shard, offset, length = (np.load(FOLDER / "index" / f"train.{name}.npy") for name in ("shard", "offset", "length"))
    contents = [path.read_bytes() for path in sorted((FOLDER / "shards").iterdir())]
    ranges = zip(shard.tolist(), offset.tolist(), length.tolist(), strict=True)
    return [contents[number][begin : begin + size] for number, begin, size in ranges]


def loaded(workers: int, augment: list[str]) -> dict[str, float]:
    """Images a second by the loader, all changes of bytes made."""
    import torch

    from f2c_trainer.heap import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    config = training_config("index", IMAGES, augment=augment, loaderWorkers=workers)
    steps = DECODED // IMAGES
    with closing(loaders(config).batches(0, WARM_UP + steps)) as batches:
        for number, _ in enumerate(batches):
            if number == WARM_UP:
                began = time.perf_counter()
        return {"imagesPerSecond": steps * IMAGES / (time.perf_counter() - began)}


def floats(augment: list[str]) -> dict[str, float]:
    """Images a second by one thread that makes network input of bytes."""
    import torch

    from f2c_trainer.heap import keep_freed_memory
    from f2c_trainer.pixels import network_input

    torch.set_num_threads(1)
    keep_freed_memory()
    config = training_config("index", IMAGES, augment=augment)
    seconds = []
    with closing(loaders(config).batches(0, WARM_UP)) as batches:
        held = [
            (batch.images.clone(), None if batch.light is None else torch.from_numpy(batch.light)) for batch in batches
        ]
    for images, light in held:
        began = time.perf_counter()
        network_input(images, light)
        seconds.append(time.perf_counter() - began)
    return {"imagesPerSecond": IMAGES / statistics.median(seconds)}


def trained(workers: int) -> dict[str, float]:
    """Seconds a step that the loader feeds, alone and over that of a step on the same batches in memory."""
    import torch

    from f2c_trainer.heap import keep_freed_memory
    from f2c_trainer.training import Training

    torch.set_num_threads(1)
    keep_freed_memory()
    torch.use_deterministic_algorithms(True)
    training = Training(training_config("index", 32, loaderWorkers=workers))
    steps = 1 + FED
    with closing(training.loaders.batches(0, steps)) as batches:
        held = [replace(batch, images=batch.images.clone()) for batch in batches]
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with closing(training.loaders.batches(0, steps)) as batches:
        training.train_step(next(batches))
        for number in range(2 * FED):
            # With, without, without, with: a machine that grows slower meanwhile is fair to both.
            feed = number % 4 in (0, 3)
            began = time.perf_counter()
            training.train_step(next(batches) if feed else held[1 + number // 2])
            seconds[feed].append(time.perf_counter() - began)
    fed, held_in_memory = (statistics.median(seconds[feed]) for feed in (True, False))
    return {"seconds": fed, "overInMemory": fed / held_in_memory}


def first_step() -> dict[str, float]:
    """When the images of the first step of a large index are there, as seconds since 1970, and what it takes then."""
    from f2c_trainer.heap import loading_modules

    with loading_modules():
        from f2c_trainer import train  # noqa: F401  # all that the trainer loads

    reader = loaders(training_config("large", IMAGES, loaderWorkers=0))
    with closing(reader.batches(0, LARGE_STEPS)) as batches:
        next(batches)
        ready = time.time()
        for _ in batches:
            pass
        order = []
        for step in range(LARGE_STEPS, 2 * LARGE_STEPS):
            began = time.perf_counter()
            reader.order.of(step)
            order.append(time.perf_counter() - began)
        return {"ready": ready, "hostMiB": private_mib(), "orderMilliseconds": 1000 * statistics.mean(order)}


def private_mib() -> float:
    """Memory of this process without the files that it maps, of which a host has one copy."""
    status = Path("/proc/self/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in status)
    return sum(int(sizes[name].removesuffix("kB")) for name in ("RssAnon", "RssShmem")) / 1024


def loaders(config: Config) -> Loaders:
    from f2c_trainer.index import Index
    from f2c_trainer.loaders import Loaders

    return Loaders(Index(Path(config.index), "train"), Path(config.shards), config)


def training_config(index: str, images: int, **changes: object) -> Config:
    from f2c_trainer.config import parse_config

    values: dict[str, object] = {
        **{"images": 10**6, "head": "dcp", "margin": "cosface", "marginValue": 0.4, "scale": 32, "poolSize": 1000},
        **{"galleryMomentum": 0.99, "identitiesPerStep": images // 4, "instancesPerStep": images // 2},
        **{"backbone": "mbf", "width": 1, "embeddingSize": 512, "imageSize": 112, "learningRate": 0.1},
        **{"momentum": 0.9, "weightDecay": 5e-4, "warmup": 0, "augment": ["flip"], "seed": 0},
        **{"checkpointEverySteps": 10**6, "work": str(FOLDER), "index": str(FOLDER / index)},
        **{"shards": str(FOLDER / "shards"), **changes},
    }
    return parse_config(values, "bench")
