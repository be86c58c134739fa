"""What checkpoints cost a training: how long they hold it up, and how soon a killed one is back at work.

MobileFaceNet at 112 pixels with a pool of 10,000 slots of 512 numbers, on one thread, as a pipeline trains on a CPU.
Blocks of a few steps that begin with a checkpoint, which is on disk before they end, alternate with blocks without
one; the median difference of neighbours is what a checkpoint costs. The images are few and repeat: only their number
matters here.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import operator
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from f2c_trainer.config import Config
    from f2c_trainer.loaders import Batch
    from f2c_trainer.training import Training

IDENTITIES, SLOTS, IMAGE_SIZE, EMBEDDING_SIZE = 20_000, 10_000, 112, 512
EVERY = 50  # steps from one checkpoint to the next
BLOCK, WARM_UP = 4, 5  # steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12, help="pairs of blocks")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), rounds))


def report(figures: dict[str, float]) -> None:
    stall, step = figures["stallSeconds"], figures["stepSeconds"]
    sizes = f"MobileFaceNet at {IMAGE_SIZE} pixels, {SLOTS:,} slots x {EMBEDDING_SIZE}"
    print(f"{sizes}, a checkpoint every {EVERY} steps\n")
    for name, value, unit in (
        ("a step without checkpoints", step, "s"),
        ("a step with checkpoints", step + stall / EVERY, "s"),
        ("a checkpoint holds the training up for", stall, "s"),
        ("  of which for the copy", figures["copySeconds"], "s"),
        ("a checkpoint takes a training that waits", figures["writeSeconds"], "s"),
        ("a checkpoint's size", figures["checkpointMiB"], "MiB"),
        ("from a checkpoint to the next step done", figures["resumeSeconds"], "s"),
    ):
        print(f"{name:<42}{value:>10.3f} {unit}")
    ratios = {"stallOverStep": round(stall / EVERY / step, 4)}
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    rounded = {name: round(value, 4) for name, value in figures.items()}
    print("\n" + json.dumps({"bench": "checkpoint", "machine": machine, "ratios": ratios, "figures": rounded}))


def measure(folder: Path, rounds: int) -> dict[str, float]:
    import torch

    from f2c_trainer.events import Events
    from f2c_trainer.saver import Saver
    from f2c_trainer.training import Training

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    write_index(folder)
    config = training_config(folder)
    training = Training(config)
    blocks: dict[bool, list[float]] = {True: [], False: []}
    copies = []
    with closing(training.loaders.batches(0, training.steps)) as batches, Saver(training, Events(folder)) as saver:
        steps(training, batches, WARM_UP)
        saver.follow(at_once=True)  # makes the buffers
        steps(training, batches, WARM_UP)
        for number in range(2 * rounds):
            # With, without, without, with: a machine that grows slower meanwhile is fair to both.
            saving = number % 4 in (0, 3)
            began = time.perf_counter()
            if saving:
                saver.follow(at_once=True)
                copies.append(time.perf_counter() - began)
            steps(training, batches, BLOCK)
            blocks[saving].append(time.perf_counter() - began)
        began = time.perf_counter()
        saver.finish("stopped")
        write = time.perf_counter() - began
    checkpoint = folder / "checkpoints" / str(training.step)
    return {
        "stepSeconds": statistics.median(blocks[False]) / BLOCK,
        "stallSeconds": statistics.median(map(operator.sub, blocks[True], blocks[False])),
        "copySeconds": statistics.median(copies),
        "writeSeconds": write,
        "checkpointMiB": sum(file.stat().st_size for file in checkpoint.iterdir()) / 2**20,
        "resumeSeconds": statistics.median(resume(config, checkpoint) for _ in range(3)),
    }


def steps(training: Training, batches: Iterator[Batch], count: int) -> None:
    for _ in range(count):
        training.train_step(next(batches))


def resume(config: Config, checkpoint: Path) -> float:
    """Seconds from nothing but a config to a step done."""
    from f2c_trainer.training import Training

    began = time.perf_counter()
    training = Training(dataclasses.replace(config, resume=str(checkpoint)))
    training.restore(checkpoint)
    with closing(training.loaders.batches(training.step, training.steps)) as batches:
        steps(training, batches, 1)
    return time.perf_counter() - began


def write_index(folder: Path) -> None:
    """Two instances of every identity, all of which are one of 64 images of noise."""
    import numpy as np
    import simplejpeg

    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (64, IMAGE_SIZE // 8, IMAGE_SIZE // 8, 3), dtype=np.uint8)
    jpegs = [simplejpeg.encode_jpeg(image.repeat(8, 0).repeat(8, 1), quality=90, colorspace="RGB") for image in noise]
    length = np.array([len(jpeg) for jpeg in jpegs])
    which = np.arange(2 * IDENTITIES) % len(jpegs)
    arrays = {
        "shard": np.zeros(len(which), dtype=np.uint32),
        "offset": (np.cumsum(length) - length)[which],
        "length": length[which].astype(np.uint32),
        "first": np.arange(0, len(which) + 1, 2),
        "identity": np.arange(IDENTITIES),
    }
    for name, array in arrays.items():
        np.save(folder / f"train.{name}.npy", array)
    (folder / "shard.tar").write_bytes(b"".join(jpegs))
    (folder / "index.json").write_text(json.dumps({"imageSize": IMAGE_SIZE, "shards": ["shard.tar"]}))


def training_config(folder: Path) -> Config:
    from f2c_trainer.config import parse_config

    values: dict[str, object] = {
        **{"images": 10**6, "head": "dcp", "margin": "cosface", "marginValue": 0.4, "scale": 32, "poolSize": SLOTS},
        **{"galleryMomentum": 0.99, "identitiesPerStep": 4, "instancesPerStep": 8, "backbone": "mbf", "width": 1},
        **{"embeddingSize": EMBEDDING_SIZE, "imageSize": IMAGE_SIZE, "learningRate": 0.1, "momentum": 0.9},
        **{"weightDecay": 5e-4, "warmup": 0, "augment": ["flip"], "seed": 0, "checkpointEverySteps": 10**6},
        **{"checkpointEverySeconds": None, "work": str(folder), "index": str(folder), "shards": str(folder)},
    }
    return parse_config(values, "bench")


if __name__ == "__main__":
    main()
