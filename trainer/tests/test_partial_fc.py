from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from f2c_trainer.checkpoint import load_checkpoint, save_checkpoint
from f2c_trainer.config import parse_config
from f2c_trainer.events import Events
from f2c_trainer.fc import FcHead
from f2c_trainer.keyed import key
from f2c_trainer.optimization import Optimization
from f2c_trainer.partial_fc import PartialFcHead, sampled
from f2c_trainer.train import train
from f2c_trainer.training import Training

from .support import config_of, digests, read_events, settings, small_network

CPU = torch.device("cpu")
OPTIMIZERS = ["sgd", "adamw"]


@given(data=st.data(), identities=st.sampled_from([1, 2, 7, 100, 2**50]), seed=st.integers(0, 99))
def test_a_sample_has_the_positives_and_others(data: st.DataObject, identities: int, seed: int) -> None:
    positive = np.array(data.draw(st.lists(st.integers(0, identities - 1), min_size=1, max_size=20)))
    count = data.draw(st.integers(0, min(identities, 50)))
    row = sampled(positive, identities, count, key(seed))
    assert len(row) == max(count, len(set(positive)))
    assert (np.diff(row) > 0).all()
    assert 0 <= row[0] <= row[-1] < identities
    assert np.isin(positive, row).all()
    assert (row == sampled(positive[::-1], identities, count, key(seed))).all()


def test_the_others_are_sampled_evenly() -> None:
    positive, times = np.array([3, 10, 29]), 1000
    rows = np.concatenate([sampled(positive, 30, 12, key(0, time)) for time in range(times)])
    seen = np.bincount(rows, minlength=30)
    assert (seen[positive] == times).all()
    others = np.delete(seen, positive)
    share = 9 / 27
    assert np.abs(others - share * times).max() < 5 * (times * share * (1 - share)) ** 0.5


def test_the_loss_is_that_of_a_layer_of_the_sampled_rows() -> None:
    config = config_of(head="partialFc", sampleRate=0.5)
    torch.manual_seed(0)
    probe = small_network()
    head, small = PartialFcHead(config, 20, CPU), FcHead(config, 10, CPU)
    head.weight = head.weight.double()
    x, y = torch.randn(2, 3, 3, 4, 4, dtype=torch.float64)
    number = torch.tensor([7, 19, 0, 7, 2, 19])

    head.sample(number.numpy(), update=5)
    small.weight.data = head.weight[head.row]
    column = torch.tensor([head.row.tolist().index(row) for row in number.tolist()])
    losses = [head.loss(probe, x, y, number.numpy(), number), small.loss(probe, x, y, number.numpy(), column)]
    torch.autograd.backward([loss.total for loss in losses])
    assert torch.equal(losses[0].total, losses[1].total)
    assert head.sampled.grad is not None
    assert small.weight.grad is not None
    assert torch.equal(head.sampled.grad, small.weight.grad)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_is_not_sampled_does_not_move(optimizer: str) -> None:
    config = config_of(head="partialFc", sampleRate=0.3, optimizer=optimizer, weightDecay=0.1)
    torch.manual_seed(0)
    probe, head = small_network().float(), PartialFcHead(config, 40, CPU)
    optimization = Optimization(probe, head.parameters(), 8, config)
    head.attach(optimization.optimizer)
    moved = torch.zeros(40, dtype=torch.bool)
    for step in range(8):
        number = torch.randint(0, 40, (6,))
        before = {name: value.clone() for name, value in head.state().items()}
        head.sample(number.numpy(), step)
        assert len(head.row) == 12
        x, y = torch.randn(2, 3, 3, 4, 4)
        loss = head.loss(probe, x, y, number.numpy(), number)
        update = optimization.update_of(step)
        optimization.backward(loss.total, update)
        optimization.apply(update)
        same = torch.ones(40, dtype=torch.bool).index_fill(0, head.row, False)
        moved |= ~same
        for name, value in head.state().items():
            assert torch.equal(value[same], before[name][same]), name
            assert (value[~same] != before[name][~same]).any(1).all(), name
    assert 12 < moved.sum() < 40
    kept = [value for name, value in head.state().items() if name != "head.weight"]
    assert all(torch.equal(value.any(1), moved) for value in kept)


def test_a_row_keeps_its_momentum_while_it_is_not_sampled() -> None:
    config = config_of(head="partialFc", sampleRate=0.1, weightDecay=0.1, warmup=0)
    head = PartialFcHead(config, 10, CPU)
    backbone = small_network()
    optimization = Optimization(backbone, head.parameters(), 9, config)
    head.attach(optimization.optimizer)
    alone = torch.nn.Parameter(head.weight[[4]].clone())  # row 4, moved by an optimizer of its own
    expected = torch.optim.SGD([alone], lr=1, momentum=0.9, nesterov=True, weight_decay=0.1)
    gradient = torch.linspace(-1, 1, 8)[None]
    for step, row in enumerate([4, 7, 4, 4, 1, 2, 4, 3, 4]):
        head.sample(np.array([row]), step)
        update = optimization.update_of(step)
        optimization.backward((head.sampled * gradient).sum(), update)
        for parameter in backbone.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimization.apply(update)
        if row == 4:
            alone.grad = gradient.clone()
            expected.param_groups[0]["lr"] = optimization.learning_rate(update)
            expected.step()
    assert torch.equal(head.weight[[4]], alone.detach())


def model_of(data: Path, work: Path, **changes: Any) -> dict[str, str]:
    train(parse_config(settings(data, work, images=36, **changes), "test"), Events(work), Event())
    return digests(read_events(work)[-1]["path"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_sample_of_everything_is_the_whole_layer(data: Path, tmp_path: Path, optimizer: str) -> None:
    changes: dict[str, Any] = {"optimizer": optimizer, "accumulate": 2}
    sampled = model_of(data, tmp_path / "partialFc", head="partialFc", sampleRate=1, **changes)
    whole = model_of(data, tmp_path / "fc", head="fc", **changes)
    assert sampled["model.safetensors"] == whole["model.safetensors"]


def test_an_update_has_the_identities_of_all_its_steps(data: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"head": "partialFc", "sampleRate": 0.01, "accumulate": 3, "images": 4 * 4}
    config = parse_config(settings(data, tmp_path, identitiesPerStep=1, instancesPerStep=2, **changes), "test")
    training = Training(config)
    seen: list[set[int]] = []
    rows: list[Tensor] = []
    with closing(training.loaders.batches(0, training.steps)) as batches:
        for batch in batches:
            training.train_step(batch)
            assert isinstance(training.head, PartialFcHead)
            seen.append(set(batch.number.tolist()))
            rows.append(training.head.row)
    assert len(seen) == 4
    assert set(rows[0].tolist()) == seen[0] | seen[1] | seen[2]
    assert rows[0] is rows[1] is rows[2]
    assert set(rows[3].tolist()) == seen[3]


def test_gradients_of_samples_of_any_size_are_saved(data: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"head": "partialFc", "sampleRate": 0.01, "accumulate": 2, "keepLast": 100}
    saved = model_of(data, tmp_path / "saved", checkpointEverySteps=1, identitiesPerStep=1, **changes)
    assert saved == model_of(data, tmp_path / "not", identitiesPerStep=1, **changes)
    config = parse_config(settings(data, tmp_path, images=36, identitiesPerStep=1, **changes), "test")
    training = Training(config)
    sizes = set()
    with closing(training.loaders.batches(0, training.steps)) as batches:
        for batch in batches:
            training.train_step(batch)
            if training.step % 2 == 1:  # in the middle of an update
                save_checkpoint(tmp_path / "half", training.checkpoint())
                sizes.add(len(load_checkpoint(tmp_path / "half").state["gradient.head.weight"]))
    assert len(sizes) > 1


def test_head_bytes_count_the_weights_and_what_the_optimizer_keeps() -> None:
    for optimizer, arrays in (("sgd", 2), ("adamw", 3)):
        config = config_of(head="partialFc", optimizer=optimizer)
        assert PartialFcHead(config, 10, CPU).bytes() == FcHead(config, 10, CPU).bytes() == arrays * 10 * 8 * 4
