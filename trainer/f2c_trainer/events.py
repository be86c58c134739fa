"""What a training tells its starter: one JSON object a line in `events.jsonl`."""

from __future__ import annotations

import json
import time
from pathlib import Path

from .errors import F2cError, writing

_SECONDS_BETWEEN_STEPS = 0.5


class Events:
    def __init__(self, work: Path) -> None:
        self.path = work / "events.jsonl"
        with writing(self.path):
            work.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
        self._quiet_until = 0.0

    def write(self, event: str, **fields: object) -> None:
        with writing(self.path):
            self._file.write(json.dumps({"event": event, **fields}, allow_nan=False) + "\n")
            self._file.flush()

    def step_is_due(self) -> bool:
        """True at most about twice a second, so that small steps do not drown the reader."""
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + _SECONDS_BETWEEN_STEPS
        return True

    def error(self, error: F2cError) -> None:
        self.write(**error.event())
