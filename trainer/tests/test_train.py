from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from f2c_trainer.backbone import build_backbone
from f2c_trainer.config import parse_config
from f2c_trainer.errors import F2cError
from f2c_trainer.events import Events
from f2c_trainer.train import EXIT_DONE, EXIT_STOPPED, train

from .support import COUNTS, SIZE, StopAfter, digests, read_events, settings

HEADS = ["dcp", "partialFc", "fc"]


def run(data: Path, work: Path, stop: Event | None = None, **changes: Any) -> list[dict[str, Any]]:
    config = parse_config(settings(data, work, **changes), "test")
    code = train(config, Events(work), stop or Event())
    events = read_events(work)
    assert (code, events[-1]["event"]) in {(EXIT_DONE, "done"), (EXIT_STOPPED, "stopped")}
    return events


@pytest.mark.parametrize("head", HEADS)
def test_killed_anywhere_the_final_checkpoint_has_the_same_bytes(data: Path, tmp_path: Path, head: str) -> None:
    undisturbed = run(data, tmp_path / "undisturbed", head=head)[-1]
    expected = digests(undisturbed["path"])
    path = None
    for begin, steps in ((0, 2), (2, 3), (5, 2), (7, 1), (8, 0)):
        work = tmp_path / f"from{begin}"
        start, *_, stopped = run(data, work, StopAfter(steps), head=head, resume=path, checkpointEverySteps=1)
        assert (start["step"], stopped["event"], stopped["step"]) == (begin, "stopped", begin + steps)
        path = stopped["path"]
        done = run(data, work / "on", head=head, resume=path, checkpointEverySteps=3)[-1]
        assert digests(done["path"]) == expected
        assert done["loss"] == undisturbed["loss"]


@pytest.mark.parametrize("head", HEADS)
def test_another_seed_gives_another_network(data: Path, tmp_path: Path, head: str) -> None:
    one = run(data, tmp_path / "a", head=head, images=12)[-1]["path"]
    other = run(data, tmp_path / "b", head=head, images=12, seed=2)[-1]["path"]
    assert digests(one)["model.safetensors"] != digests(other)["model.safetensors"]


@pytest.mark.parametrize("head", HEADS)
def test_the_loss_falls(data: Path, tmp_path: Path, head: str) -> None:
    lively: dict[str, Any] = {"head": head, "poolSize": 12, "galleryMomentum": 0.5, "learningRate": 0.02}
    first = run(data, tmp_path / "a", images=12, **lively)[-1]["loss"]
    last = run(data, tmp_path / "b", images=12 * 40, **lively)[-1]["loss"]
    assert last < 0.9 * first


@pytest.mark.parametrize("head", HEADS)
def test_no_images_give_the_untrained_network(data: Path, tmp_path: Path, head: str) -> None:
    events = run(data, tmp_path, head=head, images=0)
    assert [event["event"] for event in events] == ["start", "done"]
    assert (events[0]["steps"], events[1]["step"], events[1]["loss"]) == (0, 0, None)
    torch.manual_seed(1)
    untrained = build_backbone("mbf", width=0.125, embedding_size=16, image_size=SIZE).state_dict()
    model = load_file(Path(events[1]["path"]) / "model.safetensors")
    assert model.keys() == untrained.keys()
    assert all(torch.equal(value, untrained[name]) for name, value in model.items())


def test_the_events_of_a_training(data: Path, tmp_path: Path) -> None:
    start, *_, last, done = run(data, tmp_path, images=100)
    assert start == {
        "event": "start",
        "step": 0,
        "steps": 9,
        "processes": 1,
        "images": 100,
        "identities": 12,
        "instances": sum(COUNTS),
        "poolSlots": 7,
        "headBytes": 2 * 7 * 16 * 4 + 3 * 7 * 8 + 7,
        "parameters": start["parameters"],
        "threads": 1,
    }
    assert last.keys() == {
        *("event", "step", "images", "loss", "inPool", "outOfPool", "poolHitRate", "evictions", "gradientNorm"),
        *("learningRate", "imagesPerSecond", "waitShare", "memoryMiB"),
    }
    assert (last["step"], last["images"]) == (9, 100)
    assert 0 <= last["waitShare"] < 1
    assert last["memoryMiB"] > 50
    assert last["loss"] == done["loss"] > 0
    assert done.keys() == {"event", "step", "path", "seconds", "loss"}
    assert done["path"] == str(tmp_path / "checkpoints" / "9")


def test_fc_has_no_pool_to_report(data: Path, tmp_path: Path) -> None:
    start, *_, last, _ = run(data, tmp_path, head="fc")
    assert (start["poolSlots"], start["headBytes"]) == (None, 2 * 12 * 16 * 4)
    assert (last["inPool"], last["outOfPool"], last["poolHitRate"]) == (None, None, None)


def test_a_stopped_training_goes_on_to_the_same_bytes(data: Path, tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    stopped = run(data, tmp_path / "a", stop)[-1]
    assert (stopped["event"], stopped["step"]) == ("stopped", 0)
    resumed = run(data, tmp_path / "b", resume=stopped["path"])[-1]
    assert digests(resumed["path"]) == digests(run(data, tmp_path / "c")[-1]["path"])


def test_a_checkpoint_says_what_it_is_and_names_no_path(data: Path, tmp_path: Path) -> None:
    path = Path(run(data, tmp_path)[-1]["path"])
    content = b"".join(file.read_bytes() for file in path.iterdir())
    assert str(tmp_path).encode() not in content
    assert str(data).encode() not in content
    state = load_file(path / "state.safetensors")
    assert {"pool.features", "pool.owner", "pool.next_row", "pool.stamp"} < state.keys()
    assert state["pool.features"].shape == (2, 7, 16)
    model = load_file(path / "model.safetensors")
    assert {f"gallery.{name}" for name in model} < state.keys()


def test_a_step_that_is_larger_than_the_data(data: Path, tmp_path: Path) -> None:
    with pytest.raises(F2cError) as caught:
        run(data, tmp_path, identitiesPerStep=64, instancesPerStep=100)
    assert str(caught.value) == (
        "F2C_CONFIG_INVALID: A step takes 64 identities and 100 instances, but the train part has 12 identities with "
        f'42 instances ({data / "index"}). Set "identitiesPerStep" to 12 at most and "instancesPerStep" to 42 at most.'
    )


def test_a_pool_has_no_more_slots_than_there_are_identities(data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path, images=1, poolSize=500)[0]["poolSlots"] == 12


@pytest.mark.parametrize(
    ("changes", "slots", "smallest", "fix"),
    [
        ({"poolSize": 5}, 5, 6, 'Set "poolSize" to at least 6'),
        ({"poolSize": None, "poolRatio": 0.4}, 5, 6, 'Set "poolSize" to at least 6'),
        ({"poolSize": None}, 1, 6, 'Set "poolSize" to at least 6'),
        ({"poolSize": 11, "identitiesPerStep": 12}, 11, 12, 'Set "poolSize" to at least 12'),
    ],
)
def test_a_pool_that_cannot_hold_one_pass(
    data: Path, tmp_path: Path, changes: dict[str, Any], slots: int, smallest: int, fix: str
) -> None:
    with pytest.raises(F2cError) as caught:
        run(data, tmp_path, **changes)
    identities = changes.get("identitiesPerStep", 4)
    assert str(caught.value) == (
        f"F2C_POOL_TOO_SMALL: A pool of {slots} slots cannot hold the up to {smallest} identities of one pass "
        f"(12 training identities, {identities} identities and 4 instances a step). "
        f'{fix}, or lower "identitiesPerStep" or "instancesPerStep".'
    )
    assert read_events(tmp_path) == []


@pytest.mark.parametrize("slots", [6, 12])
def test_the_smallest_legal_pool_and_one_of_all_identities(data: Path, tmp_path: Path, slots: int) -> None:
    assert run(data, tmp_path, images=120, poolSize=slots)[0]["poolSlots"] == slots


@pytest.mark.parametrize("head", HEADS)
def test_a_loss_that_explodes_keeps_the_last_good_checkpoint(data: Path, tmp_path: Path, head: str) -> None:
    with pytest.raises(F2cError) as caught:
        run(data, tmp_path, head=head, learningRate=1e30, warmup=0, checkpointEverySteps=1, images=12 * 50)
    assert caught.value.code == "F2C_LOSS_NOT_FINITE"
    assert caught.value.where == f"{head} head"
    assert caught.value.fix == "Lower learningRate, or marginValue and scale; the last checkpoint is kept"
    for event in read_events(tmp_path)[1:]:
        if event["event"] == "checkpoint":
            model = load_file(Path(event["path"]) / "model.safetensors")
            assert all(tensor.isfinite().all() for tensor in model.values())


def test_a_checkpoint_of_another_training_is_refused(data: Path, tmp_path: Path) -> None:
    path = run(data, tmp_path / "a")[-1]["path"]
    with pytest.raises(F2cError) as caught:
        run(data, tmp_path / "b", resume=path, images=200, marginValue=0.3)
    assert str(caught.value) == (
        "F2C_CONFIG_INVALID: The checkpoint is of another training: params.images 96 -> 200, "
        f"params.marginValue 0.4 -> 0.3 ({path}). "
        "Resume with the config and the index that the checkpoint was made with."
    )


def test_a_missing_checkpoint(data: Path, tmp_path: Path) -> None:
    with pytest.raises(F2cError, match="F2C_DATA_CORRUPT: A file of the checkpoint is missing or damaged"):
        run(data, tmp_path, resume=str(tmp_path / "nowhere"))


def test_an_index_of_another_image_size(data: Path, tmp_path: Path) -> None:
    with pytest.raises(F2cError) as caught:
        run(data, tmp_path, imageSize=48)
    assert caught.value.code == "F2C_CONFIG_INVALID"
    assert caught.value.what == '"imageSize" is 48, but the index has images of 32 pixels'


def test_an_attempt_overwrites_what_an_earlier_one_left(data: Path, tmp_path: Path) -> None:
    path = Path(run(data, tmp_path)[-1]["path"])
    expected = digests(path)
    (path / "state.json").write_text("left half written")
    path.with_name(".4.draft").mkdir()
    run(data, tmp_path)
    assert digests(path) == expected
    assert not path.with_name(".4.draft").exists()
