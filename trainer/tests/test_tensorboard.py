from __future__ import annotations

import struct
from pathlib import Path
from threading import Event

import pytest

from f2c_trainer.tensorboard import record, restart, scalars

from .support import StopAfter
from .test_train import run


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            scalars(300, {"loss": 12.5, "validation/accuracy": 0.75}),
            "3700000000000000e7e8ca590900001040fc54d94110ac022a290a0b0a046c6f73731500004841"
            "0a1a0a1376616c69646174696f6e2f6163637572616379150000403fc7babe31",
        ),
        (restart(301), "100000000000000095fbfe180900001040fc54d94110ad023a020801cb79b93b"),
    ],
)
def test_records_are_those_that_tensorflow_writes(fields: bytes, expected: str) -> None:
    assert record(1700000000.25, fields).hex() == expected


def contents(path: Path) -> list[bytes]:
    """Each record without its length, its checksums and its time."""
    data, found = path.read_bytes(), []
    while data:
        [length] = struct.unpack_from("<Q", data)
        found.append(data[12 + 9 : 12 + length])
        data = data[16 + length :]
    return found


def test_a_training_writes_the_numbers_of_its_events(data: Path, tmp_path: Path) -> None:
    *_, last, _ = run(data, tmp_path)
    [path] = (tmp_path / "tensorboard").iterdir()
    version, *_, scalar = contents(path)
    assert version.endswith(b"brain.Event:2")
    numbers = {name: last[name] for name in list(last)[list(last).index("loss") :]}
    assert scalar == scalars(8, numbers)


def test_a_resumed_training_takes_back_what_came_after_its_checkpoint(data: Path, tmp_path: Path) -> None:
    stopped = run(data, tmp_path, StopAfter(3))[-1]
    run(data, tmp_path, Event(), resume=stopped["path"])
    [path] = (tmp_path / "tensorboard").glob("*.3")
    assert contents(path)[1] == restart(4)
