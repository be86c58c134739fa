"""A small data set of coloured blobs, and the config of a training that takes well under a second."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import simplejpeg
from torch import nn

from f2c_trainer.config import Config, parse_config

SIZE = 32
COUNTS = [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]  # instances of each identity
NUMBERS = [-7, 3, 10, 11, 12, 40, 2**40, 2**40 + 1, 2**50, 2**60, 2**62, 2**63 - 1]


def write_data(folder: Path, counts: list[int] = COUNTS, numbers: list[int] = NUMBERS, shards: int = 2) -> None:
    """folder/index and folder/shards, as the index step makes them."""
    random = np.random.default_rng(0)
    index, store = folder / "index", folder / "shards"
    index.mkdir(parents=True)
    store.mkdir(parents=True)
    contents = [bytearray(b"\0" * 512) for _ in range(shards)]
    shard: list[int] = []
    offset: list[int] = []
    length: list[int] = []
    for count in counts:
        colour = random.integers(0, 256, 3)
        for _ in range(count):
            pixels = np.clip(colour + random.normal(0, 20, (SIZE // 4, SIZE // 4, 3)), 0, 255).astype(np.uint8)
            jpeg = simplejpeg.encode_jpeg(pixels.repeat(4, 0).repeat(4, 1), quality=90, colorspace="RGB")
            where = len(shard) % shards
            shard.append(where)
            offset.append(len(contents[where]))
            length.append(len(jpeg))
            contents[where] += jpeg
    for part in ("train", "validation", "test"):
        np.save(index / f"{part}.shard.npy", np.array(shard, dtype=np.uint32))
        np.save(index / f"{part}.offset.npy", np.array(offset, dtype=np.int64))
        np.save(index / f"{part}.length.npy", np.array(length, dtype=np.uint32))
        np.save(index / f"{part}.first.npy", np.cumsum([0, *counts], dtype=np.int64))
        np.save(index / f"{part}.identity.npy", np.array(numbers, dtype=np.int64))
    save_stays(index, counts, shard, shards)
    names = [f"shard-{i:06}.tar" for i in range(shards)]
    for name, content in zip(names, contents, strict=True):
        (store / name).write_bytes(content)
    (index / "index.json").write_text(json.dumps({"imageSize": SIZE, "shards": names}))


def save_stays(index: Path, counts: list[int], shard: list[int], shards: int) -> None:
    """What an identity has in one shard, as the index step finds it."""
    owner = np.repeat(np.arange(len(counts)), counts)
    begins = np.flatnonzero(np.diff(owner, prepend=-1) | np.diff(shard, prepend=-1))
    count = np.diff(begins, append=len(shard))
    by_shard = np.argsort(np.array(shard)[begins], kind="stable")
    np.save(index / "train.stay.npy", begins[by_shard].astype(np.int64))
    np.save(index / "train.place.npy", np.cumsum([0, *count[by_shard]], dtype=np.int64))
    before = np.searchsorted(np.array(shard)[begins][by_shard], np.arange(shards + 1))
    np.save(index / "train.shardStay.npy", before.astype(np.int64))


def settings(data: Path, work: Path, **changes: Any) -> dict[str, Any]:
    """A whole config in camelCase: 12 probe images a step."""
    return {
        "images": 96,
        "head": "dcp",
        "margin": "cosface",
        "marginValue": 0.4,
        "scale": 32,
        "poolSize": 7,
        "galleryMomentum": 0.9,
        "identitiesPerStep": 4,
        "instancesPerStep": 4,
        "backbone": "mbf",
        "width": 0.125,
        "embeddingSize": 16,
        "imageSize": SIZE,
        "learningRate": 0.05,
        "momentum": 0.9,
        "weightDecay": 5e-4,
        "warmup": 0.1,
        "augment": ["flip", "shift", "brightness"],
        "checkpointEverySteps": 1000,
        "seed": 1,
        "threads": 1,
        "work": str(work),
        "index": str(data / "index"),
        "shards": str(data / "shards"),
        **changes,
    }


def read_events(work: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (work / "events.jsonl").read_text().splitlines()]


class StopAfter(Event):
    """Is set once the training has asked more than `steps` times, which it does once a step."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def digests(folder: str | Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(Path(folder).iterdir())}


def config_of(**changes: object) -> Config:
    """For a head on its own, with embeddings of 8 numbers."""
    return parse_config(settings(Path("data"), Path("work"), embeddingSize=8, **changes), "test")


def small_network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Linear(8, 8)).double()
