from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from f2c_trainer.backbone import build_backbone
from f2c_trainer.checkpoint import Checkpoint, save_checkpoint
from f2c_trainer.errors import F2cError
from f2c_trainer.export import export, parity_images

from .support import digests

SIZE, EMBEDDING = 48, 24


@pytest.fixture(scope="module", params=["mbf", "r18"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose batch statistics are those of some images."""
    torch.manual_seed(0)
    network = build_backbone(request.param, width=0.125, embedding_size=EMBEDDING, image_size=SIZE).train()
    with torch.no_grad():
        for _ in range(5):
            network(torch.randn(8, 3, SIZE, SIZE))
    config = {
        "backbone": request.param,
        "width": 0.125,
        "embeddingSize": EMBEDDING,
        "imageSize": SIZE,
        "input": {"color": "RGB", "mean": 127.5, "scale": 127.5},
    }
    folder = tmp_path_factory.mktemp("export") / "5"
    save_checkpoint(folder, Checkpoint(network.state_dict(), {}, 5, 1.0, config))
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    export(checkpoint, checkpoint.parent / "out")
    return checkpoint.parent / "out"


def floats(path: Path, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.fromfile(path, dtype="<f4").reshape(shape)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_onnxruntime_gives_the_embeddings_of_pytorch(exported: Path, batch: int) -> None:
    session = onnxruntime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    images = floats(exported / "inputs.f32", 16, 3, SIZE, SIZE)[:batch]
    expected = floats(exported / "embeddings.f32", 16, EMBEDDING)[:batch]
    (embeddings,) = session.run(["embeddings"], {"images": images})
    assert embeddings.shape == expected.shape
    assert np.abs(embeddings - expected).max() < 1e-4 * np.abs(expected).max()
    assert np.linalg.matrix_rank(expected) == batch


def test_the_model_says_how_its_input_is_made(exported: Path) -> None:
    model = onnx.load(exported / "model.onnx")
    facts = {prop.key: prop.value for prop in model.metadata_props}
    assert facts == {
        "color": "RGB",
        "mean": "127.5",
        "scale": "127.5",
        "imageSize": "48",
        "embeddingSize": "24",
        "f2c": "0.1.0",
    }
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]
    (images,), (embeddings,) = model.graph.input, model.graph.output
    assert (images.name, embeddings.name) == ("images", "embeddings")
    shapes = [[axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
              for value in (images, embeddings)]  # fmt: skip
    assert shapes == [["batch", 3, SIZE, SIZE], ["batch", EMBEDDING]]
    assert json.loads((exported / "parity.json").read_text()) == {
        "count": 16,
        "imageSize": SIZE,
        "embeddingSize": EMBEDDING,
    }


@pytest.mark.parametrize("checkpoint", ["r18"], indirect=True)
def test_another_process_writes_the_same_bytes_and_no_noise(exported: Path, checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "f2c_trainer.export", "--checkpoint", str(checkpoint), "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert digests(tmp_path) == digests(exported)
    content = (tmp_path / "model.onnx").read_bytes()
    assert str(Path(__file__).parent.parent).encode() not in content


def test_a_damaged_checkpoint_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(F2cError, match="F2C_DATA_CORRUPT: A file of the checkpoint is missing or damaged"):
        export(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parity_images_are_images() -> None:
    images = parity_images(16, 64)
    assert images.shape == (16, 3, 64, 64)
    assert images.abs().max() <= 1
    assert 0.2 < images.std() < 0.9
    neighbours = (images[..., 1:] - images[..., :-1]).abs().mean()
    assert neighbours < 0.2 * (images - images.flip(0)).abs().mean()
    assert torch.equal(images, parity_images(16, 64))
