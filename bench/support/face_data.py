"""Images as large and as busy as aligned faces, and an index with as many instances as one likes. Seeded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

SIDE, INSTANCES, SHARDS = 112, 24_576, 4
PER_IDENTITY = 8


def make(folder: Path) -> None:
    """folder/shards, and folder/index over them; once."""
    if (folder / "index").exists():
        return
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    length = np.empty(INSTANCES, dtype=np.uint32)
    offset = np.empty(INSTANCES, dtype=np.int64)
    shard = (np.arange(INSTANCES) % SHARDS).astype(np.uint32)
    contents = [bytearray() for _ in range(SHARDS)]
    for number in range(INSTANCES):
        jpeg = simplejpeg.encode_jpeg(_image(random), quality=95, colorspace="RGB")
        content = contents[shard[number]]
        offset[number], length[number] = len(content), len(jpeg)
        content += jpeg
    for number, content in enumerate(contents):
        (folder / "shards" / _name(number)).write_bytes(content)
    first = np.arange(0, INSTANCES + 1, PER_IDENTITY)
    _write(folder / "index", shard=shard, offset=offset, length=length, first=first)


def make_large(folder: Path, instances: int, identities: int) -> None:
    """folder/large: an index of that size over the same images, again and again; once."""
    if (folder / "large").exists():
        return
    tiled = {
        name: np.resize(np.load(folder / "index" / f"train.{name}.npy"), instances)
        for name in ("shard", "offset", "length")
    }
    _write(folder / "large", **tiled, first=np.linspace(0, instances, identities + 1).astype(np.int64))


def _image(random: np.random.Generator) -> NDArray[np.uint8]:
    """Five by five colours that run into each other, with grain. [SIDE, SIDE, 3]"""
    colours = random.integers(30, 226, (5, 5, 3)).astype(np.float32)
    place = np.linspace(0, 3.999, SIDE)
    whole, part = place.astype(int), (place % 1)[:, None]
    rows = colours[whole] * (1 - part[:, None]) + colours[whole + 1] * part[:, None]
    smooth = rows[:, whole] * (1 - part) + rows[:, whole + 1] * part
    grain = random.normal(0, random.uniform(1.5, 5), (SIDE, SIDE, 1))
    pixels: NDArray[np.uint8] = np.clip(smooth + grain, 0, 255).astype(np.uint8)
    return pixels


def _write(index: Path, **arrays: NDArray[Any]) -> None:
    part = index.with_suffix(".part")
    part.mkdir(exist_ok=True)
    identity = np.arange(len(arrays["first"]) - 1)
    for name, array in {**arrays, "identity": identity}.items():
        np.save(part / f"train.{name}.npy", array)
    (part / "index.json").write_text(json.dumps({"imageSize": SIDE, "shards": [_name(i) for i in range(SHARDS)]}))
    part.rename(index)


def _name(number: int) -> str:
    return f"shard-{number:06}.tar"
