"""Checkpoints: folders that appear whole or not at all, with the same bytes for the same state. No pickle.

model.safetensors   the probe network: what is exported
state.safetensors   the rest: gallery network, pool and its LRU order, or FC weights; optimizer, loss scale, gradients
share-0.safetensors if processes share the pool: the features of the first one's slots, and so on
state.json          the step, the loss so far, its smallest value since the warm-up, the best validation so far if there
                    was one, the number of shares
config.json         what the network is, how its input is made, and the params that decided the weights
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import F2cError, not_finite, writing


@dataclass(frozen=True)
class Best:
    """The step after which the network was best on the validation part, and how good."""

    step: int
    accuracy: float


@dataclass(frozen=True)
class Checkpoint:
    model: dict[str, Tensor]
    state: dict[str, Tensor]
    step: int
    loss: float | None
    config: dict[str, Any]
    best: Best | None = None
    lowest_loss: float | None = None
    shares: list[dict[str, Tensor]] = field(default_factory=list)  # to be saved: this process's; loaded: all


def save_checkpoint(folder: Path, checkpoint: Checkpoint, shares: Iterable[Path] = ()) -> None:
    """Writes the folder anew; a crash leaves either no folder or all of it.

    `shares` are those that the other processes have saved, which it takes. Raises F2C_LOSS_NOT_FINITE rather than write
    NaN, F2C_DISK_FULL.
    """
    _check_finite(checkpoint)
    draft = folder.with_name(f".{folder.name}.draft")
    with writing(folder):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            _write_tensors(draft / "model.safetensors", checkpoint.model)
            _write_tensors(draft / "state.safetensors", checkpoint.state)
            count = 0
            for share in checkpoint.shares:
                _write_tensors(draft / _share(count), share)
                count += 1
            for path in shares:
                path.rename(draft / _share(count))
                count += 1
            _write_json(draft / "state.json", _progress(checkpoint, count))
            _write_json(draft / "config.json", checkpoint.config)
            _sync(draft)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        remove_checkpoint(folder)
        draft.rename(folder)
        _sync(folder.parent)


def save_share(path: Path, checkpoint: Checkpoint) -> None:
    """Writes this process's share into a file that appears whole; raises what `save_checkpoint` does."""
    _check_finite(checkpoint)
    draft = path.with_name(f"{path.name}.draft")
    with writing(path):
        for share in checkpoint.shares:
            _write_tensors(draft, share)
            draft.rename(path)


def remove_checkpoint(folder: Path) -> None:
    """Takes the folder away, whole at once as well; nothing happens if there is none."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    if folder.exists():
        folder.rename(gone)
        shutil.rmtree(gone)


def remove_leftovers(folder: Path) -> None:
    """Of checkpoints that a crash kept from being written or removed, in the folder of all of them."""
    for leftover in folder.glob(".*.*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def load_checkpoint(folder: Path) -> Checkpoint:
    """Raises F2C_DATA_CORRUPT if a file is missing or damaged."""
    progress = _read_json(folder / "state.json")
    step, loss, lowest = (progress.get(name) for name in ("step", "loss", "lowestLoss"))
    if not isinstance(step, int) or not isinstance(loss, float | None) or not isinstance(lowest, float | None):
        raise _corrupt(folder / "state.json")
    best = Best(**progress["best"]) if "best" in progress else None
    model, config = load_model(folder)
    shares = [_read_tensors(folder / _share(number)) for number in range(progress.get("shares", 0))]
    return Checkpoint(model, _read_tensors(folder / "state.safetensors"), step, loss, config, best, lowest, shares)


def load_model(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The probe network's tensors and the checkpoint's config."""
    return _read_tensors(folder / "model.safetensors"), _read_json(folder / "config.json")


def _share(number: int) -> str:
    return f"share-{number}.safetensors"


def _progress(checkpoint: Checkpoint, shares: int) -> dict[str, object]:
    best = {} if checkpoint.best is None else {"best": dataclasses.asdict(checkpoint.best)}
    lowest = {} if checkpoint.lowest_loss is None else {"lowestLoss": checkpoint.lowest_loss}
    return {
        "step": checkpoint.step,
        "loss": checkpoint.loss,
        **lowest,
        **best,
        **({"shares": shares} if shares else {}),
    }


def _check_finite(checkpoint: Checkpoint) -> None:
    parts = (checkpoint.model, checkpoint.state, *checkpoint.shares)
    for name, tensor in chain.from_iterable(part.items() for part in parts):
        if name.startswith("gradient."):  # scaled for fp16, and not applied if it is not finite
            continue
        # NaN and infinity show in the extremes; NumPy finds them without a second array, and on this thread alone.
        values = tensor.detach().cpu().numpy()
        if values.size and not (math.isfinite(values.min()) and math.isfinite(values.max())):
            raise not_finite(f"{name} became NaN or infinite by step {checkpoint.step}", str(checkpoint.config["head"]))


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
