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
        self.folder, self.part = folder, part
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

    def stays(self) -> Stays:
        """Raises F2C_DATA_CORRUPT; an index that was made before there were stays has none."""
        return Stays(
            self._array(f"{self.part}.stay.npy", np.int64),
            self._array(f"{self.part}.place.npy", np.int64),
            self._array(f"{self.part}.shardStay.npy", np.int64),
            self,
        )

    def _array(self, name: str, dtype: type[Number]) -> NDArray[Number]:
        path = self.folder / name
        try:
            array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))  # a plain one is read faster
        except (OSError, ValueError, EOFError) as error:
            raise corrupt(f"A file of the index cannot be read: {error}", str(path)) from error
        if array.dtype != dtype or array.ndim != 1:
            raise corrupt(f"A file of the index is not a list of {np.dtype(dtype)}", str(path))
        return typing.cast(NDArray[Number], array)


class Stays:
    """The train part by shards. A stay is what one identity has in one shard: instances that lie one after the other in
    the index. There are hardly more stays than identities, because instances are stored identity by identity."""

    def __init__(
        self,
        begin: NDArray[np.int64],
        place: NDArray[np.int64],
        shard: NDArray[np.int64],
        index: Index,
    ) -> None:
        # Stay i is the instances begin[i]..begin[i]+count-1, and takes the places place[i]..place[i+1]-1 when all
        # instances are put in the order of their shards. [S], [S+1]
        self.begin, self.place = begin, place
        # Shard k has the stays shard[k]..shard[k+1]-1. [K+1]
        self.shard = shard
        if (
            len(place) != len(begin) + 1
            or len(shard) != len(index.shards) + 1
            or (int(place[0]), int(place[-1])) != (0, index.instances)
            or (int(shard[0]), int(shard[-1])) != (0, len(begin))
        ):
            what = "The stays of the identities do not fit the shards and instances of the index"
            raise corrupt(what, str(index.folder))


def corrupt(what: str, where: str) -> F2cError:
    return F2cError("F2C_DATA_CORRUPT", what, where, "Make the index again from its dataset")
