"""A process that decodes: `python -m f2c_trainer.decode SETTINGS`, as decoders.py starts it. It loads no PyTorch.

It reads tasks from stdin, which it shares with others, and answers each with a line of JSON: the task's first slot, and
null or an error as an event. It ends with its stdin, so it cannot outlive the trainer, however that ends.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
import traceback
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np

from .edits import OFFSET, Edits, Images, no_edits
from .errors import F2cError
from .heap import keep_freed_memory
from .index import Index
from .keyed import Integers
from .shards import ShardFiles

TASK = Struct("<2q")  # its first slot, and the one after its last


def main() -> None:
    keep_freed_memory()
    settings = json.loads(sys.argv[1])
    index = Index(Path(settings["index"]), settings["part"])
    files = ShardFiles(Path(settings["shards"]), index)
    slots = shared_slots(settings["descriptor"], settings["slots"], index.image_size)
    while task := os.read(sys.stdin.fileno(), TASK.size):  # no more: the next may be another's
        begin, end = TASK.unpack(task)
        try:
            slots.decode(files, begin, end)
            error = None
        except F2cError as failure:
            error = failure.event()
        except Exception as failure:  # a defect: a death would be tried again and again
            traceback.print_exc()
            what = f"A process that decodes images crashed: {failure!r}"
            error = F2cError("F2C_STEP_CRASHED", what, "trainer", "Its log has the stack").event()
        print(json.dumps([begin, error]), flush=True)


class Slots(NamedTuple):
    """Instances to be decoded, their edits, and their pixels."""

    pixels: Images  # [n, S, S, 3]
    instances: Integers  # [n]
    edits: Edits  # [n, 13]

    def decode(self, files: ShardFiles, begin: int, end: int) -> None:
        files.decode(self.instances[begin:end], self.pixels[begin:end], self.edits[begin:end])


def bytes_of_slots(count: int, size: int) -> int:
    return OFFSET + count * (size * size * 3 + 8 + no_edits(1).nbytes)


def shared_slots(descriptor: int, count: int, size: int) -> Slots:
    """A file in memory as slots, the same ones in every process that has it open."""
    memory = mmap.mmap(descriptor, bytes_of_slots(count, size))
    pixels: Images = np.ndarray((count, size, size, 3), np.uint8, memory, OFFSET)
    instances: Integers = np.ndarray(count, np.int64, memory, OFFSET + pixels.nbytes)
    edits: Edits = np.ndarray(no_edits(count).shape, np.int16, memory, OFFSET + pixels.nbytes + instances.nbytes)
    return Slots(pixels, instances, edits)


if __name__ == "__main__":
    main()
