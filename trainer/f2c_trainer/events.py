"""What a training tells its starter: one JSON object a line in `events.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock

from .errors import F2cError, writing


class Events:
    """Appends whole lines; several threads may write."""

    def __init__(self, work: Path) -> None:
        self.path = work / "events.jsonl"
        self._lock = Lock()
        with writing(self.path):
            work.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")

    def write(self, event: str, **fields: object) -> None:
        line = json.dumps({"event": event, **fields}, allow_nan=False) + "\n"
        with self._lock, writing(self.path):
            self._file.write(line)
            self._file.flush()

    def error(self, error: F2cError) -> None:
        self.write(**error.event())
