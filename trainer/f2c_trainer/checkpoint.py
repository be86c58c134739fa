"""Checkpoints: folders that appear whole or not at all, with the same bytes for the same state. No pickle.

model.safetensors   the probe network: what is exported
state.safetensors   the rest of the training: gallery network, pool and its LRU order, or FC weights; momentum
state.json          the step, and the loss so far
config.json         what the network is, how its input is made, and the params that decided the weights
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import F2cError, writing


@dataclass(frozen=True)
class Checkpoint:
    model: dict[str, Tensor]
    state: dict[str, Tensor]
    step: int
    loss: float | None
    config: dict[str, object]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes the folder anew; raises F2C_DISK_FULL. A crash leaves either no folder or all of it."""
    draft = folder.with_name(f".{folder.name}.draft")
    with writing(folder):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            _write_tensors(draft / "model.safetensors", checkpoint.model)
            _write_tensors(draft / "state.safetensors", checkpoint.state)
            _write_json(draft / "state.json", {"step": checkpoint.step, "loss": checkpoint.loss})
            _write_json(draft / "config.json", checkpoint.config)
            _sync(draft)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
        _sync(folder.parent)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Raises F2C_DATA_CORRUPT if a file is missing or damaged."""
    progress = _read_json(folder / "state.json")
    step, loss = progress.get("step"), progress.get("loss")
    if not isinstance(step, int) or not isinstance(loss, float | None):
        raise _corrupt(folder / "state.json")
    model, config = load_model(folder)
    return Checkpoint(model, _read_tensors(folder / "state.safetensors"), step, loss, config)


def load_model(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The probe network's tensors and the checkpoint's config."""
    return _read_tensors(folder / "model.safetensors"), _read_json(folder / "config.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _corrupt(path) from error
    if not isinstance(value, dict):
        raise _corrupt(path)
    return value


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise _corrupt(path) from error


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:
        if system := re.search(r"\(os error (\d+)\)", str(error)):
            number = int(system[1])
            raise OSError(number, os.strerror(number), str(path)) from error
        raise
    _sync(path)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False))
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _corrupt(path: Path) -> F2cError:
    return F2cError(
        "F2C_DATA_CORRUPT",
        "A file of the checkpoint is missing or damaged",
        str(path),
        "Start again from an earlier checkpoint",
    )
