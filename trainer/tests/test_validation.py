from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from f2c_trainer.config import parse_config
from f2c_trainer.errors import F2cError
from f2c_trainer.index import Index
from f2c_trainer.pairs import choose_pairs, verify
from f2c_trainer.pixels import network_input
from f2c_trainer.shards import ShardFiles
from f2c_trainer.validation import Validation

from .support import COUNTS, SIZE, StopAfter, digests, read_events, settings, write_data
from .test_train import run

VALIDATING: dict[str, Any] = {"validateEverySteps": 2}


def validation(data: Path, **changes: Any) -> Validation:
    return Validation(parse_config(settings(data, Path("work"), **VALIDATING, **changes), "test"))


@pytest.mark.parametrize("head", ["dcp", "fc"])
def test_validation_leaves_the_training_as_it_is(data: Path, tmp_path: Path, head: str) -> None:
    without = digests(run(data, tmp_path / "without", head=head)[-1]["path"])
    *_, done = run(data, tmp_path / "with", head=head, **VALIDATING)
    with_it = digests(done["path"])
    assert with_it.pop("state.json") != without.pop("state.json")
    assert with_it == without


def test_it_is_told_every_so_many_steps_and_at_the_end(data: Path, tmp_path: Path) -> None:
    events = run(data, tmp_path, validateEverySteps=3)
    told = [event for event in events if event["event"] == "validation"]
    assert [event["step"] for event in told] == [3, 6, 8]
    assert told[0].keys() == {"event", "step", "accuracy", "tarAtFar1e3"}
    best = max(told, key=lambda event: event["accuracy"])  # the first of equals
    assert (events[-1]["bestStep"], events[-1]["bestAccuracy"]) == (best["step"], best["accuracy"])
    state = json.loads((Path(events[-1]["path"]) / "state.json").read_text())
    assert state["best"] == {"step": best["step"], "accuracy": best["accuracy"]}


def test_the_best_checkpoint_is_kept_however_old(data: Path, tmp_path: Path) -> None:
    # Hardly better at the end, and with these weights not at all, whatever the changes of images.
    idle: dict[str, Any] = {"learningRate": 1e-6, "keepLast": 1, "images": 12 * 12, "seed": 3}
    done = run(data, tmp_path, checkpointEverySteps=1, **idle, **VALIDATING)[-1]
    assert done["bestStep"] < done["step"] == 12
    assert done["bestPath"] == str(tmp_path / "checkpoints" / str(done["bestStep"]))
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {str(done["bestStep"]), "12"}


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_the_best_survives_a_stop_wherever_it_falls(data: Path, tmp_path: Path, steps: int) -> None:
    undisturbed = run(data, tmp_path / "undisturbed", **VALIDATING)[-1]
    # A validation asks for a stop as well, so some of these fall into the middle of one.
    stopped = run(data, tmp_path / "a", StopAfter(steps), **VALIDATING)[-1]
    resumed = run(data, tmp_path / "b", resume=stopped["path"], **VALIDATING)[-1]
    assert digests(resumed["path"]) == digests(undisturbed["path"])
    assert resumed["bestAccuracy"] == undisturbed["bestAccuracy"]


class Flat(nn.Module):
    """A network without weights to speak of, so that its embeddings are easy to follow."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3 * SIZE * SIZE, 8, generator=torch.Generator().manual_seed(0)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1) @ self.weight


def test_pairs_are_told_apart_by_image_and_mirror_image(data: Path) -> None:
    probe = Flat().train()
    result = validation(data).run(probe, Event())
    assert probe.training
    index = Index(data / "index", "validation")
    pixels = np.empty((index.instances, SIZE, SIZE, 3), dtype=np.uint8)
    ShardFiles(data / "shards", index).decode(np.arange(index.instances), pixels)
    images = network_input(torch.from_numpy(pixels))
    with torch.no_grad():
        embeddings = normalize(probe(images).double() + probe(images.flip(3)).double()).numpy()
    pairs = choose_pairs(np.asarray(index.first), 100_000)
    expected = verify(((embeddings[pairs.left] - embeddings[pairs.right]) ** 2).sum(axis=1))
    assert result is not None
    assert result.accuracy == pytest.approx(expected.accuracy, abs=1e-9)


def test_a_stop_is_heard_meanwhile(data: Path) -> None:
    stop = Event()
    stop.set()
    probe = Flat().train()
    assert validation(data).run(probe, stop) is None
    assert probe.training


def test_no_more_instances_than_asked_and_whole_identities(data: Path) -> None:
    asked = []

    class Counting(Flat):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            asked.append(len(images) // 2)
            return super().forward(images)

    validation(data, validationInstances=30).run(Counting(), Event())
    assert 30 - max(COUNTS) < sum(asked) <= 30


@pytest.mark.parametrize(
    ("counts", "instances", "what"),
    [
        ([], 10_000, "0 identities with 0 instances, of which 0 and 0 are used: that makes 0 genuine"),
        ([3, 2], 10_000, "2 identities with 5 instances, of which 2 and 5 are used: that makes 4 genuine"),
        ([2] * 20, 9, "20 identities with 40 instances, of which 4 and 8 are used: that makes 4 genuine"),
    ],
)
def test_a_part_that_is_too_small_is_told_before_the_training(
    data: Path, tmp_path: Path, counts: list[int], instances: int, what: str
) -> None:
    write_data(tmp_path / "data", counts or COUNTS, list(range(len(counts or COUNTS))))
    for path in (tmp_path / "data" / "index").glob("train.*"):
        path.write_bytes((data / "index" / path.name).read_bytes())
    if not counts:
        for path in (tmp_path / "data" / "index").glob("validation.*"):
            empty = np.load(path)[:1] if "first" in path.name else np.load(path)[:0]
            np.save(path, empty)
    with pytest.raises(F2cError) as caught:
        run(tmp_path / "data", tmp_path / "work", validationInstances=instances, **VALIDATING)
    assert str(caught.value) == (
        f"F2C_TOO_FEW_IDENTITIES: The validation part has {what} and as many impostor pairs, and ten folds need "
        f"10 pairs ({tmp_path / 'data' / 'index'}). Give the `index` step a larger `validation` part, or leave "
        '"validateEverySteps" out.'
    )
    assert read_events(tmp_path / "work") == []
