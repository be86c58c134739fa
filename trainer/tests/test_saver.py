from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from f2c_trainer.config import parse_config
from f2c_trainer.errors import F2cError
from f2c_trainer.events import Events
from f2c_trainer.saver import Saver
from f2c_trainer.training import Training

from .support import StopAfter, digests, read_events, settings
from .test_train import run


@contextmanager
def saving(data: Path, work: Path, **changes: Any) -> Iterator[tuple[Training, Saver]]:
    """A training that makes no steps of its own, and its saver."""
    training = Training(parse_config(settings(data, work, checkpointEverySteps=1, **changes), "test"))
    with Saver(training, Events(work)) as saver:
        yield training, saver


def steps_told(work: Path) -> list[int]:
    return [event["step"] for event in read_events(work)]


def steps_kept(work: Path) -> list[int]:
    return sorted(int(path.name) for path in (work / "checkpoints").iterdir())


def soon_raises(saver: Saver) -> None:
    """Goes on as a training does, until the writer's failure comes back."""
    for _ in range(10_000):
        saver.follow(at_once=False)
        time.sleep(0.001)


@pytest.mark.parametrize("due", [{"checkpointEverySteps": 3}, {"checkpointEverySeconds": 1e-9}])
def test_a_checkpoint_on_the_way_is_that_of_a_training_that_stops_there(
    data: Path, tmp_path: Path, due: dict[str, Any]
) -> None:
    events = run(data, tmp_path / "a", keepLast=100, **due)
    taken = [event for event in events if event["event"] == "checkpoint"]
    assert taken[0]["step"] == due.get("checkpointEverySteps", 1)
    stopped = run(data, tmp_path / "b", StopAfter(taken[0]["step"]))[-1]
    assert digests(taken[0]["path"]) == digests(stopped["path"])


def test_what_changes_afterwards_is_not_in_it(data: Path, tmp_path: Path) -> None:
    with saving(data, tmp_path) as (training, saver):
        for value in (1.0, 2.0, 3.0):
            training.step += 1
            weight = next(training.probe.parameters())
            weight.data.fill_(value)
            saver.follow(at_once=True)
            weight.data.fill_(-1)
    for step in steps_kept(tmp_path):
        model = load_file(tmp_path / "checkpoints" / str(step) / "model.safetensors")
        name = next(name for name, _ in training.probe.named_parameters())
        assert (model[name] == step).all()
    assert steps_told(tmp_path) == [1, 2, 3]


def test_one_that_is_due_while_another_is_written_waits_for_a_later_step(data: Path, tmp_path: Path) -> None:
    with saving(data, tmp_path, images=12 * 10_000) as (training, saver):
        for _ in range(500):
            training.step += 1
            saver.follow(at_once=False)
        saver.finish("stopped")
    told = steps_told(tmp_path)
    assert told == sorted(set(told))
    assert told[0] == 1
    assert told[-1] == 500
    assert 2 <= len(told) < 500
    assert steps_kept(tmp_path) == told[-2:]


def test_nan_is_raised_at_a_later_step_and_never_written(data: Path, tmp_path: Path) -> None:
    with saving(data, tmp_path) as (training, saver):
        saver.follow(at_once=True)
        training.step += 1
        next(training.probe.parameters()).data[0] = torch.nan
        saver.follow(at_once=True)
        with pytest.raises(F2cError) as caught:
            soon_raises(saver)
    assert caught.value.code == "F2C_LOSS_NOT_FINITE"
    assert caught.value.what.endswith("became NaN or infinite by step 1")
    assert steps_kept(tmp_path) == steps_told(tmp_path) == [0]


def test_a_full_disk_ends_the_training_while_it_goes_on(data: Path, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with saving(data, tmp_path) as (_, saver):
            saver.follow(at_once=True)
            with pytest.raises(F2cError) as caught:
                soon_raises(saver)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "F2C_DISK_FULL"
    assert steps_kept(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, [11, 12]),
        ({"keepLast": 4}, [9, 10, 11, 12]),
        ({"keepLast": 1, "keepEvery": 5}, [5, 10, 12]),
        ({"keepLast": 1, "keepEvery": 1}, list(range(1, 13))),
    ],
)
def test_which_checkpoints_are_kept(data: Path, tmp_path: Path, changes: dict[str, Any], kept: list[int]) -> None:
    with saving(data, tmp_path, **changes) as (training, saver):
        for step in range(1, 13):
            training.step = step
            saver.follow(at_once=True)
    assert steps_kept(tmp_path) == kept


def test_keep_every_takes_the_first_one_from_there_on(data: Path, tmp_path: Path) -> None:
    with saving(data, tmp_path, keepLast=1, keepEvery=10) as (training, saver):
        for step in (4, 9, 13, 17, 38, 39):
            training.step = step
            saver.follow(at_once=True)
    assert steps_kept(tmp_path) == [13, 38, 39]


def test_the_one_resumed_from_and_later_ones_of_others_are_left_alone(data: Path, tmp_path: Path) -> None:
    for step in (2, 3, 90):
        (tmp_path / "checkpoints" / str(step)).mkdir(parents=True)
    with saving(data, tmp_path, keepLast=1, resume=str(tmp_path / "checkpoints" / "2")) as (training, saver):
        training.step = 7
        saver.follow(at_once=True)
    assert steps_kept(tmp_path) == [2, 7, 90]


def test_a_controlled_training_leaves_removing_to_its_starter_and_waits_for_it(data: Path, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        with saving(data, tmp_path, controlled=True, keepLast=3) as (training, saver):
            training.step = step
            saver.follow(at_once=False)
    with saving(data, tmp_path, controlled=True, keepLast=3) as (training, saver):
        for step in (4, 5):
            training.step = step
            saver.follow(at_once=False)
        assert steps_kept(tmp_path) == [1, 2, 3]
        (tmp_path / "checkpoints" / "1").rename(tmp_path / "taken")
        training.step = 6
        saver.follow(at_once=False)
        training.step = 7
        saver.finish("done")
    assert steps_kept(tmp_path) == [2, 3, 6, 7]
