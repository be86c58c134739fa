"""The weights that a training begins with, out of whatever holds them."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from .errors import F2cError
from .pixels import SCALE

_SHOWN = 5  # names in an error
_NESTED = ("state_dict", "state_dict_backbone", "model", "net")  # keys under which others keep a network's weights
_FFC_SCALE = 128.0  # of FFC's input, whose colours are in the order blue, green, red


def load_initial(network: nn.Module, path: Path) -> str:
    """Loads the weights into the network and returns the digest of what it is now, "sha256:…".

    `path` is the folder of a checkpoint, a .safetensors or a .onnx file of ours, or a .pt or .pth file of arcface_torch
    or FFC, which have the same names for the same layers. Raises F2C_INIT_INVALID.
    """
    tensors = _read(path / "model.safetensors" if path.is_dir() else path)
    if misfit := _misfit(network.state_dict(), tensors):
        fix = "Choose backbone, width, embeddingSize and imageSize as they are there, or other weights"
        raise _invalid(f"The initial weights are those of another network: {misfit}", path, fix)
    network.load_state_dict(tensors)
    return f"sha256:{hashlib.sha256(save(network.state_dict())).hexdigest()}"


def _read(file: Path) -> dict[str, Tensor]:
    read = _READERS.get(file.suffix)
    if read is None:
        raise _invalid("The initial weights are in no form that is known", file, f"Give {', '.join(_READERS)}")
    try:
        content = read(file)
        weights = _weights(content)
    except Exception as error:  # the readers of a file that is no such file raise almost anything
        what = f"The initial weights cannot be read: {(str(error) or repr(error)).splitlines()[0]}"
        raise _invalid(what, file, "Give the file as it was saved, with tensors and no objects of Python") from error
    return _from_ffc(weights) if {"lru", "qp"} <= content.keys() else weights


def _read_onnx(file: Path) -> dict[str, Tensor]:
    """The weights of a model that `onnx_graph` wrote: by name, PReLU's with two axes more."""
    import onnx  # takes as long to load as an eighth of PyTorch, and few trainings need it
    from onnx import numpy_helper

    arrays = {weight.name: numpy_helper.to_array(weight) for weight in onnx.load(file).graph.initializer}
    return {name: torch.tensor(array[:, 0, 0] if array.ndim == 3 else array) for name, array in arrays.items()}


def _read_torch(file: Path) -> dict[str, Any]:
    return dict(torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file)))


_READERS: dict[str, Callable[[Path], Mapping[str, Any]]] = {
    ".safetensors": load_file,
    ".onnx": _read_onnx,
    ".pt": _read_torch,
    ".pth": _read_torch,
}


def _weights(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The backbone's weights by their own names, however they were wrapped when they were saved."""
    for key in _NESTED:
        content = content[key] if isinstance(content.get(key), Mapping) else content
    tensors = {
        re.sub(r"\b(module|_orig_mod)\.", "", name): value
        for name, value in content.items()
        if isinstance(value, Tensor)
    }
    inner = {name.removeprefix("backbone."): value for name, value in tensors.items() if name.startswith("backbone.")}
    return inner or tensors


def _from_ffc(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same network for our input, which the first layer takes up."""
    first = {name: value.flip(1) * (SCALE / _FFC_SCALE) for name, value in tensors.items() if name == "conv1.weight"}
    return {**tensors, **first}


def _misfit(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """In words what keeps the tensors from fitting, if anything does. Batch norm's counts may be missing."""
    kinds = {
        "missing": [name for name in expected.keys() - given.keys() if not name.endswith("num_batches_tracked")],
        "unexpected": [*(given.keys() - expected.keys())],
        "of another shape": [
            f"{name} {[*given[name].shape]} for {[*expected[name].shape]}"
            for name in expected.keys() & given.keys()
            if given[name].shape != expected[name].shape
        ],
    }
    return "; ".join(f"{kind}: {_some(sorted(names))}" for kind, names in kinds.items() if names)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _invalid(what: str, where: Path, fix: str) -> F2cError:
    return F2cError("F2C_INIT_INVALID", what, str(where), fix)
