from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from f2c_trainer.backbone import build_backbone
from f2c_trainer.checkpoint import Checkpoint, save_checkpoint
from f2c_trainer.config import parse_config
from f2c_trainer.errors import F2cError
from f2c_trainer.initial import load_initial
from f2c_trainer.onnx_graph import to_onnx
from f2c_trainer.training import Training

from .support import SIZE, settings

EMBEDDING = 16


def network(name: str = "mbf", seed: int = 0, embedding_size: int = EMBEDDING) -> nn.Module:
    torch.manual_seed(seed)
    made = build_backbone(name, width=0.125, embedding_size=embedding_size, image_size=SIZE)
    with torch.no_grad():
        for value in made.state_dict().values():
            value.add_(torch.rand(value.shape) if value.is_floating_point() else 7)
    return made.eval()


def weights(of: nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in of.state_dict().items() if "num_batches" not in name}


def _checkpoint(path: Path, source: nn.Module) -> None:
    save_checkpoint(path, Checkpoint(source.state_dict(), {}, 3, 1.0, {"head": "fc"}))


def _onnx(path: Path, source: nn.Module) -> None:
    path.write_bytes(to_onnx(source, SIZE, EMBEDDING).SerializeToString())


def _arcface_torch(path: Path, source: nn.Module) -> None:
    softmax = {"weight": torch.randn(3, EMBEDDING)}
    torch.save({"epoch": 4, "state_dict_backbone": source.state_dict(), "state_dict_softmax_fc": softmax}, path)


def _with_head(path: Path, source: nn.Module) -> None:
    wrapped = weights(source, "module.backbone._orig_mod.")
    torch.save({"state_dict": {**wrapped, "module.head.weight": torch.zeros(3)}, "step": 5}, path)


SOURCES: dict[str, Callable[[Path, nn.Module], None]] = {
    "folder": _checkpoint,
    "ours.safetensors": lambda path, source: save_file(source.state_dict(), path),
    "model.onnx": _onnx,
    "backbone.pth": lambda path, source: torch.save(source.state_dict(), path),
    "old.pt": lambda path, source: torch.save(source.state_dict(), path, _use_new_zipfile_serialization=False),
    "checkpoint_gpu_0.pt": _arcface_torch,
    "with_head.pt": _with_head,
    "parallel.pt": lambda path, source: torch.save({"net": weights(source, "module.")}, path),
}


@pytest.mark.parametrize("name", ["mbf", "r18"])
@pytest.mark.parametrize("form", SOURCES)
def test_every_form_gives_the_same_network(form: str, name: str, tmp_path: Path) -> None:
    source, loaded = network(name), network(name, seed=1)
    SOURCES[form](tmp_path / form, source)
    digest = load_initial(loaded, tmp_path / form)
    expected = weights(source)
    assert weights(loaded).keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in weights(loaded).items())
    assert load_initial(network(name, seed=1), tmp_path / form) == digest
    with torch.no_grad():
        source.state_dict()["features.bias" if name == "r18" else "features.layers.3.bias"][0] += 1
    SOURCES[form](tmp_path / f"other{Path(form).suffix}", source)
    assert load_initial(loaded, tmp_path / f"other{Path(form).suffix}") != digest


def test_a_network_of_ffc_sees_the_same_images(tmp_path: Path) -> None:
    """FFC reads images with OpenCV: blue, green, red; and divides by 128."""
    source, loaded = network("r18"), network("r18", seed=1)
    snapshot = {"state_dict": source.state_dict(), "lru": [(5, 0), (9, 1)], "fc": torch.rand(2, 4, 16), "qp": {0: 1}}
    torch.save(snapshot, tmp_path / "12.pt")
    load_initial(loaded, tmp_path / "12.pt")
    pixels = torch.randint(256, (4, 3, SIZE, SIZE)) - 127.5
    with torch.inference_mode():
        torch.testing.assert_close(loaded(pixels / 127.5), source(pixels.flip(1) / 128), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"features.layers.3.bias": None}, "missing: features.layers.3.bias"),
        ({"head.weight": torch.zeros(2)}, "unexpected: head.weight"),
        (
            {"features.layers.3.bias": torch.zeros(9), "features.layers.2.weight": None},
            "missing: features.layers.2.weight; of another shape: features.layers.3.bias [9] for [16]",
        ),
        ({f"x{number}": torch.zeros(1) for number in range(7)}, "unexpected: x0, x1, x2, x3, x4 and 2 more"),
    ],
)
def test_weights_that_do_not_fit_are_named(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    tensors = {name: value for name, value in {**weights(network()), **changes}.items() if value is not None}
    save_file(tensors, tmp_path / "other.safetensors")
    untouched, before = network(seed=1), weights(network(seed=1))
    with pytest.raises(F2cError) as raised:
        load_initial(untouched, tmp_path / "other.safetensors")
    assert str(raised.value) == (
        f"F2C_INIT_INVALID: The initial weights are those of another network: {says} "
        f"({tmp_path / 'other.safetensors'}). Choose backbone, width, embeddingSize and imageSize as they are there, "
        "or other weights."
    )
    assert all(torch.equal(value, before[key]) for key, value in weights(untouched).items())


@pytest.mark.parametrize("file", ["none.pt", "none.onnx", "torn.safetensors", "torn.onnx", "torn.pt", "torn.pth"])
def test_what_cannot_be_read_is_named(file: str, tmp_path: Path) -> None:
    if file.startswith("torn"):
        (tmp_path / file).write_bytes(b"torn off")
    with pytest.raises(F2cError, match=rf"F2C_INIT_INVALID: The initial weights cannot be read: .+{file}\). Give the"):
        load_initial(network(), tmp_path / file)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(F2cError, match=r"no form that is known .+Give \.safetensors, \.onnx, \.pt, \.pth\."):
        load_initial(network(), tmp_path / "weights.h5")


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('the pickle ran')",))


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": network().state_dict(), "optimizer": _Runs()}, tmp_path / "bad.pt")
    with pytest.raises(F2cError, match=r"cannot be read: Weights only load failed.+no objects of Python"):
        load_initial(network(), tmp_path / "bad.pt")


def training(data: Path, work: Path, **changes: Any) -> Training:
    return Training(parse_config(settings(data, work, **changes), "test"))


def test_both_networks_begin_with_the_weights(data: Path, tmp_path: Path) -> None:
    source = network()
    _checkpoint(tmp_path / "init", source)
    begun = training(data, tmp_path, initFrom=str(tmp_path / "init"))
    probe, gallery = begun.probe.state_dict(), begun.head.state()
    for name, value in weights(source).items():
        assert torch.equal(probe[name], value)
        assert torch.equal(gallery[f"gallery.{name}"], value)
    config = begun.checkpoint().config
    assert config["initFrom"] == load_initial(network(), tmp_path / "init")
    assert str(tmp_path) not in str(config)


def test_a_resumed_training_needs_its_initial_weights_no_more(data: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        _checkpoint(tmp_path / f"init{seed}", network(seed=seed))
    begun = training(data, tmp_path, initFrom=str(tmp_path / "init0")).checkpoint()
    save_checkpoint(tmp_path / "0", begun)
    for initial in (None, str(tmp_path / "init0")):
        resumed = training(data, tmp_path, initFrom=initial)
        resumed.restore(tmp_path / "0")
        assert resumed.checkpoint().config == begun.config
    with pytest.raises(F2cError, match="is of another training: initFrom"):
        training(data, tmp_path, initFrom=str(tmp_path / "init1")).restore(tmp_path / "0")
