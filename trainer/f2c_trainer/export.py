"""python -m f2c_trainer.export --checkpoint DIR --out DIR

Writes model.onnx, and 16 images with the embeddings that PyTorch gives them (inputs.f32, embeddings.f32: raw
little-endian float32; parity.json: their sizes), so that any runtime can be held against it. Exit codes: 0, or 3 with
the failure as one line of JSON on stdout and as one sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from . import __version__
from .backbone import build_backbone
from .checkpoint import load_model
from .errors import F2cError, writing
from .onnx_graph import to_onnx

_PARITY_IMAGES = 16


def export(checkpoint: Path, out: Path) -> None:
    """Raises F2C_DATA_CORRUPT for a damaged checkpoint, F2C_DISK_FULL."""
    network, described = _network(checkpoint)
    size, embedding_size = described["imageSize"], described["embeddingSize"]
    images = parity_images(_PARITY_IMAGES, size)
    with torch.inference_mode():
        embeddings = network(images)
    model = to_onnx(network, size, embedding_size)
    facts = {**described["input"], "imageSize": size, "embeddingSize": embedding_size, "f2c": __version__}
    for name, value in sorted(facts.items()):
        model.metadata_props.add(key=name, value=str(value))
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
        (out / "inputs.f32").write_bytes(images.contiguous().numpy().astype("<f4").tobytes())
        (out / "embeddings.f32").write_bytes(embeddings.contiguous().numpy().astype("<f4").tobytes())
        sizes = {"count": len(images), "imageSize": size, "embeddingSize": embedding_size}
        (out / "parity.json").write_text(json.dumps(sizes, sort_keys=True))


def parity_images(count: int, size: int) -> Tensor:
    """Smooth random images, most of their energy in low frequencies as in faces. [count, 3, size, size] in [-1, 1]"""
    random = torch.Generator().manual_seed(0)
    place = (torch.arange(size) + 0.5) / size
    frequency = torch.arange(8.0)
    waves = torch.cos(math.pi * frequency[:, None] * place)  # [8, size]
    energy = 1 / (1 + frequency[:, None] ** 2 + frequency**2)
    amplitude = torch.randn(count, 3, 8, 8, generator=random) * energy
    images = torch.einsum("bcij,iy,jx->bcyx", amplitude, waves, waves)
    return (images + 0.02 * torch.randn(images.shape, generator=random)).clamp(-1, 1)


def _network(checkpoint: Path) -> tuple[nn.Module, dict[str, Any]]:
    tensors, described = load_model(checkpoint)
    network = build_backbone(
        described["backbone"],
        width=described["width"],
        embedding_size=described["embeddingSize"],
        image_size=described["imageSize"],
    )
    network.load_state_dict(tensors)
    return network.eval(), described


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m f2c_trainer.export", description="Turns a checkpoint into ONNX.")
    parser.add_argument("--checkpoint", required=True, type=Path, metavar="DIR")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    arguments = parser.parse_args()
    try:
        export(arguments.checkpoint, arguments.out)
    except F2cError as error:
        print(json.dumps(error.event()))
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
