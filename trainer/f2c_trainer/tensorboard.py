"""The numbers of a training as TensorBoard reads them.

An event file is a list of TFRecords (length, its checksum, content, its checksum), each the message `Event` of
TensorFlow's event.proto. Scalars need five of its fields, which are written here as protobuf has them on the wire.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

from .errors import writing

_WALL_TIME, _STEP, _FILE_VERSION, _SUMMARY, _SESSION_LOG = b"\x09", b"\x10", b"\x1a", b"\x2a", b"\x3a"
_VALUE, _TAG, _SIMPLE_VALUE = b"\x0a", b"\x0a", b"\x15"
_SESSION_START = b"\x08\x01"


class Board:
    """One event file of this process; what earlier ones wrote beyond `step` is taken back."""

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / f"events.out.tfevents.{time.time():.0f}.{step}"
        with writing(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
        self._write(_FILE_VERSION + _sized(b"brain.Event:2"))
        if step > 0:
            self._write(restart(step + 1))

    def write(self, step: int, values: dict[str, float | None]) -> None:
        self._write(scalars(step, {name: value for name, value in values.items() if value is not None}))

    def close(self) -> None:
        self._file.close()

    def _write(self, fields: bytes) -> None:
        with writing(self._path):
            self._file.write(record(time.time(), fields))
            self._file.flush()


def record(seconds: float, fields: bytes) -> bytes:
    """A TFRecord of an `Event` at `seconds` since 1970."""
    content = _WALL_TIME + struct.pack("<d", seconds) + fields
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def scalars(step: int, values: dict[str, float]) -> bytes:
    return _STEP + _varint(step) + _SUMMARY + _sized(b"".join(_scalar(*value) for value in values.items()))


def restart(step: int) -> bytes:
    """Takes back what was written for `step` and later ones."""
    return _STEP + _varint(step) + _SESSION_LOG + _sized(_SESSION_START)


def _scalar(name: str, value: float) -> bytes:
    return _VALUE + _sized(_TAG + _sized(name.encode()) + _SIMPLE_VALUE + struct.pack("<f", value))


def _sized(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the low ones first; all bytes but the last have the high bit set."""
    low = []
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*low, number])


def _crc_table() -> list[int]:
    """CRC-32C of each single byte."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC = _crc_table()


def _checksum(content: bytes) -> bytes:
    """CRC-32C, rotated and shifted as TFRecords want it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
