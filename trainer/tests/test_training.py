from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from f2c_trainer.checkpoint import save_checkpoint
from f2c_trainer.config import parse_config
from f2c_trainer.dcp import DcpHead
from f2c_trainer.errors import F2cError
from f2c_trainer.fc import FcHead
from f2c_trainer.partial_fc import PartialFcHead
from f2c_trainer.training import Training

from .support import config_of, settings

HEADS = ["dcp", "partialFc", "fc"]
SMALL: dict[str, Any] = {"identitiesPerStep": 2, "instancesPerStep": 2}


def training_of(data: Path, work: Path, **changes: Any) -> Training:
    return Training(parse_config(settings(data, work, **changes), "test"))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("head", HEADS)
def test_half_precision_rounds_the_networks_and_nothing_else(
    data: Path, tmp_path: Path, head: str, precision: str
) -> None:
    losses = []
    seen: set[torch.dtype] = set()
    for each in ("fp32", precision):
        training = training_of(data, tmp_path, head=head, precision=each)
        training.probe.register_forward_hook(lambda _module, _inputs, embeddings: seen.add(embeddings.dtype))
        with closing(training.loaders.batches(0, 1)) as batches:
            losses.append(training.train_step(next(batches)).total)
        state = {**training.checkpoint().model, **training.checkpoint().state}
        assert {value.dtype for value in state.values()} <= {torch.float32, torch.int64, torch.bool}
    assert seen == {torch.float32, torch.bfloat16 if precision == "bf16" else torch.float16}
    assert {loss.dtype for loss in losses} == {torch.float32}
    assert losses[0] != losses[1]
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=0.1)


@pytest.mark.parametrize("kind", [FcHead, PartialFcHead])
def test_classification_ignores_that_the_networks_run_in_half_precision(kind: type[FcHead | PartialFcHead]) -> None:
    torch.manual_seed(0)
    head, (x, y), number = kind(config_of(), 20, torch.device("cpu")), torch.randn(2, 3, 8), torch.arange(6)
    if isinstance(head, PartialFcHead):
        head.sample(number.numpy(), update=0)
    plain = head.loss(nn.Identity(), x, y, number.numpy(), number).total
    with torch.autocast("cpu", torch.bfloat16):
        mixed = head.loss(nn.Identity(), x, y, number.numpy(), number).total
    assert torch.equal(plain, mixed)


def test_the_gallery_follows_once_an_update(data: Path, tmp_path: Path) -> None:
    training = training_of(data, tmp_path, head="dcp", accumulate=2, galleryMomentum=0.5, images=6 * 5, **SMALL)
    assert isinstance(training.head, DcpHead)
    parameters = [next(network.parameters()).detach().clone() for network in (training.probe, training.head.gallery)]
    moved = []
    with closing(training.loaders.batches(0, training.steps)) as batches:
        for batch in batches:
            training.train_step(batch)
            now = [next(network.parameters()).detach().clone() for network in (training.probe, training.head.gallery)]
            moved.append([not torch.equal(*pair) for pair in zip(parameters, now, strict=True)])
            parameters = now
    # The probe moves after each update's last step, the gallery in its first, when there is something to follow.
    assert moved == [[False, False], [True, False], [False, True], [True, False], [True, True]]


def test_a_training_that_no_loss_scale_saves(data: Path, tmp_path: Path) -> None:
    training = training_of(data, tmp_path, head="fc", precision="fp16", scale=1e38, images=6 * 40, **SMALL)
    with closing(training.loaders.batches(0, training.steps)) as batches:
        for _ in range(26):
            training.train_step(next(batches))
        with pytest.raises(F2cError) as caught:
            training.train_step(next(batches))
    assert caught.value.code == "F2C_LOSS_NOT_FINITE"
    assert caught.value.what == "No loss scale kept the gradients finite in step 27 of 40"


def test_a_loss_that_rises_too_far_stops_the_training(data: Path, tmp_path: Path) -> None:
    rising = {**SMALL, "head": "dcp", "learningRate": 5.0, "warmup": 0.2, "schedule": "polynomial", "images": 6 * 40}
    training = training_of(data, tmp_path, stopAtLossRise=1.05, **rising)
    with closing(training.loaders.batches(0, training.steps)) as batches:
        for _ in range(8):
            training.train_step(next(batches))
    assert training.lowest_loss == training.loss  # the first one after the warm-up
    with pytest.raises(F2cError) as caught:
        train_to_end(training)
    assert caught.value.code == "F2C_TRAINING_DIVERGED"
    assert training.loss is not None
    assert training.lowest_loss is not None
    assert training.loss > 1.05 * training.lowest_loss
    assert f"by step {training.step} of 40" in caught.value.what
    calm = training_of(data, tmp_path, stopAtLossRise=1000, **rising)
    save_checkpoint(tmp_path / "checkpoint", training.checkpoint())
    calm.restore(tmp_path / "checkpoint")
    assert calm.lowest_loss == training.lowest_loss
    train_to_end(calm)


def train_to_end(training: Training) -> None:
    with closing(training.loaders.batches(training.step, training.steps)) as batches:
        for batch in batches:
            training.train_step(batch)


@pytest.mark.parametrize("head", HEADS)
def test_compiled_networks_keep_the_names_of_their_weights(data: Path, tmp_path: Path, head: str) -> None:
    eager, compiled = (training_of(data, tmp_path, head=head, compile=compile) for compile in (False, True))

    def tensors(training: Training) -> dict[str, Tensor]:
        return {**training.checkpoint().model, **training.checkpoint().state}

    assert tensors(eager).keys() == tensors(compiled).keys()
    networks = [compiled.probe, *([compiled.head.gallery] if isinstance(compiled.head, DcpHead) else [])]
    assert all(network._compiled_call_impl is not None for network in networks)
