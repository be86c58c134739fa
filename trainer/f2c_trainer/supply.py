"""Which shards the training needs: told to the one that started it, who brings them while it goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path

from .config import Config
from .errors import writing
from .index import Index
from .order import Order
from .validation import validation_shards

_STEPS_BEHIND = 5  # that may still be read; another process may be as far behind as an update has steps
_STEPS_LOOKED_AT = 256


class Wanted:
    """Keeps `wanted.json` in the work folder: `wanted` names the shards that are to be there from now on, in the order
    of need, and `kept` those of them that stay wanted to the end. With windows they are those being read and of the
    next window, and a shard that is not named any more may go; without, they are all."""

    def __init__(self, index: Index, order: Order, config: Config) -> None:
        self._index, self._order, self._path = index, order, Path(config.work) / "wanted.json"
        self._behind = _STEPS_BEHIND + config.accumulate
        self._steps = math.ceil(config.images / order.images_per_step)
        self._kept = validation_shards(config) if order.windows and config.validate_every_steps is not None else []
        self._first: int | None = None
        self._told = range(0)

    def begin(self, step: int) -> None:
        """Is called before anything of a step is read, for one after the other."""
        began = self._first is None
        self._first = step if self._first is None else self._first
        windows = self._order.windows
        if windows is None:
            if began:
                self._tell(self._by_first_use(step))
            return
        now = range(windows.spanned(max(self._first, step - self._behind)).start, windows.spanned(step).stop)
        last = windows.spanned(self._steps - 1).stop
        wanted = range(now.start, max(now.stop, min(now.start + 2, last)))
        if wanted != self._told:
            self._told = wanted
            following = range(now.stop, wanted.stop)
            self._tell([*self._shards(now), *self._kept, *self._shards(following)])

    def _shards(self, windows: range) -> list[int]:
        assert self._order.windows is not None
        return [shard for window in windows for shard in self._order.windows.shards(window)]

    def _by_first_use(self, step: int) -> list[int]:
        """All shards, those of the next steps first."""
        shards: dict[int, None] = {}
        everything = range(len(self._index.shards))
        for each in range(step, min(step + _STEPS_LOOKED_AT, self._steps)):
            shards.update(dict.fromkeys(self._index.shard[self._order.of(each)[0]].tolist()))
            if len(shards) == len(everything):
                break
        return [shard for shard in {**shards, **dict.fromkeys(everything)} if shard in everything]

    def _tell(self, wanted: list[int]) -> None:
        names = self._index.shards
        told = {
            "wanted": [names[shard] for shard in dict.fromkeys(wanted)],
            "kept": [names[shard] for shard in self._kept],
        }
        draft = self._path.with_suffix(".draft")
        with writing(self._path):
            draft.write_text(json.dumps(told), encoding="utf-8")
            draft.replace(self._path)
