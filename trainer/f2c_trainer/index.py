"""The files of an index: where every instance is, and whose it is."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import F2cError

Number = typing.TypeVar("Number", bound=np.generic)


class Index:
    """One part of an index: M instances sorted by identity, N identities. The arrays stay on disk (memory maps).

    Raises F2C_DATA_CORRUPT. Every part but the one to train on may be empty.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self.folder = folder
        try:
            facts = json.loads((folder / "index.json").read_bytes())
            self.image_size, self.shards = int(facts["imageSize"]), [str(name) for name in facts["shards"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise corrupt(f"index.json cannot be read: {error!r}", str(folder / "index.json")) from error
        # Byte range of each instance in its shard. [M]
        self.shard = self._array(f"{part}.shard.npy", np.uint32)
        self.offset = self._array(f"{part}.offset.npy", np.int64)
        self.length = self._array(f"{part}.length.npy", np.uint32)
        # Identity n has the instances first[n]..first[n+1]-1 and the dataset's number identity[n]. [N+1], [N]
        self.first = self._array(f"{part}.first.npy", np.int64)
        self.identity = self._array(f"{part}.identity.npy", np.int64)
        self.instances, self.identities = len(self.shard), len(self.identity)
        ends = (int(self.first[0]), int(self.first[-1])) if len(self.first) else None
        if (
            len(self.offset) != self.instances
            or len(self.length) != self.instances
            or len(self.first) != self.identities + 1
            or ends != (0, self.instances)
        ):
            raise corrupt(f"The files of the {part} part do not agree on the number of instances", str(folder))

    def _array(self, name: str, dtype: type[Number]) -> NDArray[Number]:
        path = self.folder / name
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise corrupt(f"A file of the index cannot be read: {error}", str(path)) from error
        if array.dtype != dtype or array.ndim != 1:
            raise corrupt(f"A file of the index is not a list of {np.dtype(dtype)}", str(path))
        return typing.cast(NDArray[Number], array)


def corrupt(what: str, where: str) -> F2cError:
    return F2cError("F2C_DATA_CORRUPT", what, where, "Make the index again from its dataset")
