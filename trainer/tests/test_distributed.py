"""Trainings of several processes, by torchrun and gloo: the same numbers on any number of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from f2c_trainer.config import parse_config
from f2c_trainer.distributed import Processes
from f2c_trainer.index import Index
from f2c_trainer.order import Order

from .several import double
from .support import StopAfter, digests, read_events, settings, write_data
from .test_cli import PATIENCE, await_event
from .test_train import run

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
ENDLESS = 48 * 1_000_000
NEVER = 10**9
TOLERANCE = 1e-6  # in double precision; trainings amplify rounding
ROUNDING = 0.03  # in single precision, after a few steps
PEOPLE = [3, 2, 4] * 20  # instances of each
# 24 images a pass, in four groups of batch norm, and identities enough that some probes are not in the pool.
WIDE: dict[str, Any] = {
    **{"identitiesPerStep": 16, "instancesPerStep": 16, "bnGroups": 4, "poolSize": 30, "images": 48 * 4},
    **{"augment": ["flip", "brightness"], "learningRate": 0.001, "scale": 8, "warmup": 0},
    **{"checkpointEverySteps": 1, "validateEverySteps": 2, "validationInstances": 60},
}
TRAININGS: dict[str, dict[str, Any]] = {
    "dcp": {},
    "sharded": {"poolSharding": True},
    "sv": {"poolSharding": True, "margin": "sv", "secondRow": "everywhere", "poolInit": "reference", "accumulate": 2},
    "fc": {"head": "fc"},
    "partialFc": {"head": "partialFc", "sampleRate": 0.5, "accumulate": 2},
}
FOUR = {"dcp", "sharded"}  # what four processes train as well
HALFWAY: dict[str, Any] = {"accumulate": 2, "seed": 5, "validateEverySteps": None}
COMPRESSED: dict[str, Any] = {"images": 48, "gradientCompression": "bf16"}
STOPPED: dict[str, Any] = {"images": ENDLESS, "poolSharding": True, "accumulate": 3, "validateEverySteps": None}


@contextmanager
def torchrun(world: int, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Whatever is left of it afterwards is killed."""
    process = subprocess.Popen(
        [*TORCHRUN, str(world), "-m", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.communicate(timeout=PATIENCE)


def write_config(data: Path, work: Path, **changes: Any) -> str:
    work.mkdir(parents=True)
    path = work / "config.json"
    path.write_text(json.dumps(settings(data, work, **WIDE | changes)))
    return str(path)


def several(world: int, *trainings: str) -> None:
    with torchrun(world, "tests.several", *trainings) as process:
        _, output = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output.decode()


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    write_data(folder, PEOPLE, list(range(100, 160)))
    return folder


@pytest.fixture(scope="module")
def stopped(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of two processes, each of which torchrun hands the SIGTERM on to, wherever they are."""
    work = tmp_path_factory.mktemp("stopped") / "work"
    with torchrun(2, "f2c_trainer", write_config(wide, work, **STOPPED)) as process:
        await_event(work, "step", process)
        process.send_signal(signal.SIGTERM)
        return await_event(work, "stopped", process)


@pytest.fixture(scope="module")
def halfway(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One process, stopped in the middle of an update."""
    with double():
        return run(wide, tmp_path_factory.mktemp("halfway"), StopAfter(1), **WIDE | HALFWAY)[-1]


@pytest.fixture(scope="module")
def works(
    wide: Path, tmp_path_factory: pytest.TempPathFactory, stopped: dict[str, Any], halfway: dict[str, Any]
) -> Path:
    """Folders named by training and number of processes."""
    folder = tmp_path_factory.mktemp("works")
    updates = stopped["step"] // STOPPED["accumulate"]
    for world in (2, 4):
        trainings = {
            **{name: (changes, NEVER, "double") for name, changes in TRAININGS.items() if world == 2 or name in FOUR},
            "halfway": ({**HALFWAY, "resume": halfway["path"]}, NEVER, "double"),
            "undisturbed": (STOPPED, updates + 1, "single"),
            "resumed": ({**STOPPED, "resume": stopped["path"]}, 1, "single"),
        }
        if world == 4:
            del trainings["undisturbed"]
        else:
            trainings["compressed"] = (COMPRESSED, NEVER, "double")
        several(
            world,
            *(
                f"{write_config(wide, folder / f'{name}-{world}', **changes)}={after}={precision}"
                for name, (changes, after, precision) in trainings.items()
            ),
        )
    return folder


def tensors(path: str) -> dict[str, torch.Tensor]:
    """All of a checkpoint, the shares put together."""
    folder = Path(path)
    found = load_file(folder / "model.safetensors") | load_file(folder / "state.safetensors")
    shares = [load_file(folder / f"share-{rank}.safetensors") for rank in range(len([*folder.glob("share-*")]))]
    if shares:
        found["pool.features"] = torch.cat([share["pool.features"] for share in shares], 1)
    return found


def agree(path: str, other: str, tolerance: float) -> None:
    """In each of the networks, the pool, the head and what the optimizer keeps."""
    mine, theirs = tensors(path), tensors(other)
    assert mine.keys() == theirs.keys()
    off: dict[str, float] = {}
    whole: dict[str, float] = {}
    for name, value in mine.items():
        if value.is_floating_point():
            part = name.partition(".")[0]
            off[part] = off.get(part, 0) + (value - theirs[name]).square().sum().item()
            whole[part] = whole.get(part, 0) + theirs[name].square().sum().item()
        else:
            assert torch.equal(value, theirs[name]), name
    assert {part: (off[part] / whole[part]) ** 0.5 for part in off if off[part] > tolerance**2 * whole[part]} == {}


@pytest.mark.parametrize("name", TRAININGS)
def test_any_number_of_processes_trains_alike(wide: Path, works: Path, tmp_path: Path, name: str) -> None:
    with double():
        expected = run(wide, tmp_path, **WIDE | TRAININGS[name])
    for world in (2, 4):
        if not (works / f"{name}-{world}").exists():
            continue
        events = read_events(works / f"{name}-{world}")
        assert (events[0]["processes"], events[-1]["event"]) == (world, "done")
        assert events[-1]["loss"] == pytest.approx(expected[-1]["loss"], rel=TOLERANCE)
        validations = [[one["step"] for one in each if one["event"] == "validation"] for each in (events, expected)]
        assert validations[0] == validations[1]
        agree(events[-1]["path"], expected[-1]["path"], TOLERANCE)
        assert json.loads((Path(events[-1]["path"]) / "config.json").read_text())["processes"] == world


def test_a_sharded_pool_is_the_whole_pool(works: Path) -> None:
    paths = [read_events(works / f"{name}-4")[-1]["path"] for name in ("sharded", "dcp")]
    shares = [load_file(Path(paths[0]) / f"share-{rank}.safetensors")["pool.features"] for rank in range(4)]
    assert [share.shape[1] for share in shares] == [7, 8, 7, 8]
    agree(paths[0], paths[1], TOLERANCE)


def test_gradients_are_sent_in_half_precision_on_request(wide: Path, works: Path, tmp_path: Path) -> None:
    path = read_events(works / "compressed-2")[-1]["path"]
    with double():
        exact = run(wide, tmp_path, **WIDE | COMPRESSED)[-1]["path"]
    agree(path, exact, 2**-8)
    with pytest.raises(AssertionError, match="optimizer"):
        agree(path, exact, 2**-12)


def test_a_stopped_training_goes_on_to_the_same_bytes(works: Path, stopped: dict[str, Any]) -> None:
    assert stopped["step"] % STOPPED["accumulate"] == 0
    undisturbed, (start, *_, resumed) = read_events(works / "undisturbed-2")[-1], read_events(works / "resumed-2")
    assert start["step"] == stopped["step"]
    assert "resumedFrom" not in start
    assert undisturbed["step"] == resumed["step"] == stopped["step"] + 2 * STOPPED["accumulate"]
    assert digests(resumed["path"]) == digests(undisturbed["path"])


def test_it_goes_on_with_another_number_of_processes(
    wide: Path, works: Path, tmp_path: Path, stopped: dict[str, Any]
) -> None:
    """One of them holds the whole pool, four a quarter each."""
    undisturbed = read_events(works / "undisturbed-2")[-1]
    steps = StopAfter(2 * STOPPED["accumulate"])
    alone = run(wide, tmp_path, steps, **WIDE | STOPPED | {"resume": stopped["path"], "poolSharding": False})
    for events in (alone, read_events(works / "resumed-4")):
        assert events[0]["resumedFrom"] == {"processes": 2}
        assert events[-1]["step"] == undisturbed["step"]
        agree(events[-1]["path"], undisturbed["path"], ROUNDING)


def test_several_processes_go_on_in_the_middle_of_an_update(
    wide: Path, works: Path, tmp_path: Path, halfway: dict[str, Any]
) -> None:
    with double():
        expected = run(wide, tmp_path, **WIDE | HALFWAY)[-1]
    assert halfway["step"] == 1
    for world in (2, 4):
        agree(read_events(works / f"halfway-{world}")[-1]["path"], expected["path"], TOLERANCE)


def test_a_number_of_processes_that_does_not_fit_is_told_once(wide: Path, tmp_path: Path) -> None:
    with torchrun(2, "f2c_trainer", write_config(wide, tmp_path / "a", identitiesPerStep=15)) as process:
        _, output = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert b"exitcode  : 3" in output
    [error] = read_events(tmp_path / "a")
    assert error["code"] == "F2C_CONFIG_INVALID"
    assert error["what"].startswith("The training was started with 2 processes, but their number must divide the 23")


def test_what_one_process_alone_meets_is_told_once(tmp_path: Path) -> None:
    """An image of the second process's first batch is damaged."""
    write_data(tmp_path, PEOPLE, list(range(100, 160)))
    config = parse_config(settings(tmp_path, tmp_path / "work", **WIDE), "test")
    index = Index(tmp_path / "index", "train")
    instance = Order(index, config).of(0)[0]
    parts = [set(Processes(rank, 2).part(instance).tolist()) for rank in (0, 1)]
    damaged = min(parts[1] - parts[0])
    shard = tmp_path / "shards" / index.shards[index.shard[damaged]]
    content = bytearray(shard.read_bytes())
    content[index.offset[damaged] : index.offset[damaged] + 20] = b"\0" * 20
    shard.write_bytes(content)
    with torchrun(2, "f2c_trainer", write_config(tmp_path, tmp_path / "work", images=48)) as process:
        process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    errors = [event for event in read_events(tmp_path / "work") if event["event"] == "error"]
    assert [error["code"] for error in errors] == ["F2C_DATA_CORRUPT"]


def test_every_item_is_one_process_s() -> None:
    items = np.arange(24)
    parts = [Processes(rank, 3).part(items) for rank in range(3)]
    assert parts[1].tolist() == [4, 5, 6, 7, 16, 17, 18, 19]
    assert sorted(np.concatenate(parts).tolist()) == items.tolist()


def test_a_single_process_has_its_wishes_at_once() -> None:
    alone = Processes()
    assert alone.agreed("stop", True)
    assert not alone.agreed("stop", False)
    assert alone.gather(torch.ones(3)).shape == (1, 3)
