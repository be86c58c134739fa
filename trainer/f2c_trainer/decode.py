"""A process that decodes: `python -m f2c_trainer.decode SETTINGS`, as decoders.py starts it. It loads no PyTorch.

Every line of stdin is a task in JSON; every line of stdout answers one, with null or with an error as an event. It ends
with its stdin, so it cannot outlive the trainer, however that ends.
"""

from __future__ import annotations

import json
import mmap
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import F2cError
from .index import Index
from .shards import ShardFiles


def main() -> None:
    settings = json.loads(sys.argv[1])
    index = Index(Path(settings["index"]), settings["part"])
    files = ShardFiles(Path(settings["shards"]), index)
    pixels = shared_pixels(settings["descriptor"], settings["rows"], index.image_size)
    for line in sys.stdin.buffer:
        row, instances, quality = json.loads(line)
        try:
            files.decode(np.array(instances), pixels[row : row + len(instances)], quality and np.array(quality))
            answer = None
        except F2cError as error:
            answer = error.event()
        print(json.dumps(answer), flush=True)


def shared_pixels(descriptor: int, rows: int, size: int) -> NDArray[np.uint8]:
    """A file in memory as images, the same ones in every process that has it open. [rows, size, size, 3]"""
    return np.frombuffer(mmap.mmap(descriptor, rows * size * size * 3), dtype=np.uint8).reshape(rows, size, size, 3)


if __name__ == "__main__":
    main()
