"""The trainer as a process: exit codes, signals, and the death of those who started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from f2c_trainer.__main__ import main
from f2c_trainer.lifeline import EXIT_ORPHANED

from .support import StopAfter, digests, read_events, settings
from .test_train import run

TRAINER = [sys.executable, "-m", "f2c_trainer"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "-m", "f2c_trainer"]
ENDLESS = 12 * 1_000_000
PATIENCE = 600  # seconds, on a busy machine; nothing waits that long in vain


def write_config(data: Path, work: Path, **changes: Any) -> str:
    work.mkdir(parents=True, exist_ok=True)
    path = work / "config.json"
    path.write_text(json.dumps(settings(data, work, **changes)))
    return str(path)


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command in a session of its own; whatever is left of it after the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(command: list[str], config: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*command, config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=Path(__file__).parent.parent,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def await_event(work: Path, wanted: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (work / "events.jsonl").exists():
            for line in (work / "events.jsonl").read_text().splitlines(keepends=True):
                if line.endswith("\n") and json.loads(line)["event"] == wanted:
                    return dict(json.loads(line))
        if process.poll() is not None:
            break
        time.sleep(0.05)
    _, stderr = process.communicate(timeout=PATIENCE)
    raise AssertionError(f"no event {wanted}: {stderr.decode()}")


def ranks_of(work: Path) -> list[int]:
    """Processes that run the trainer with this work folder, torchrun's own left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            if str(work / "config.json").encode() in line and b"torch.distributed.run" not in line:
                found.append(int(folder.name))
    return found


def await_no_rank(work: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while ranks_of(work):
        assert time.monotonic() < deadline, "an orphan is left"
        time.sleep(0.05)


def goes_on_to_the_same_bytes(data: Path, work: Path, stopped: dict[str, Any]) -> bool:
    """Whether five steps more give what an undisturbed training has after as many steps."""
    resumed = run(data, work / "resumed", StopAfter(5), images=ENDLESS, resume=stopped["path"])[-1]
    undisturbed = run(data, work / "undisturbed", StopAfter(stopped["step"] + 5), images=ENDLESS)[-1]
    assert resumed["step"] == undisturbed["step"] == stopped["step"] + 5
    return digests(resumed["path"]) == digests(undisturbed["path"])


def test_sigterm_gives_a_checkpoint_to_go_on_from(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TRAINER, write_config(data, tmp_path, images=ENDLESS))
    await_event(tmp_path, "step", process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=PATIENCE) == (b"", b"")
    assert process.returncode == 4
    assert goes_on_to_the_same_bytes(data, tmp_path, read_events(tmp_path)[-1])


def test_a_users_mistake_is_one_line_and_an_event(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TRAINER, write_config(data, tmp_path, images=-1))
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (3, b"")
    assert stderr.decode() == (
        f'F2C_CONFIG_INVALID: "images" must be at least 0, not -1 ({tmp_path}/config.json). '
        "Correct the config and start again.\n"
    )
    assert read_events(tmp_path) == [
        {
            "event": "error",
            "code": "F2C_CONFIG_INVALID",
            "what": '"images" must be at least 0, not -1',
            "where": f"{tmp_path}/config.json",
            "fix": "Correct the config and start again",
        }
    ]


def test_whoever_controls_it_reads_the_event_alone(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TRAINER, write_config(data, tmp_path, poolSize=2, controlled=True))
    await_end = process.wait(timeout=PATIENCE)
    assert (await_end, process.stdout.read(), process.stderr.read()) == (3, b"", b"")  # type: ignore[union-attr]
    assert [event["code"] for event in read_events(tmp_path)] == ["F2C_POOL_TOO_SMALL"]


def test_a_mistake_that_only_the_data_shows(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TRAINER, write_config(data, tmp_path, poolSize=2))
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert stderr.startswith(b"F2C_POOL_TOO_SMALL: A pool of 2 slots cannot hold")
    assert stderr.count(b"\n") == 1
    assert [event["event"] for event in read_events(tmp_path)] == ["error"]


def test_it_dies_with_its_worker_even_under_torchrun(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TORCHRUN, write_config(data, tmp_path, images=ENDLESS, controlled=True))
    await_event(tmp_path, "step", process)
    assert len(ranks_of(tmp_path)) == 1
    assert process.stdin is not None
    process.stdin.close()
    await_no_rank(tmp_path)
    process.wait(timeout=PATIENCE)
    assert process.returncode != 0


def test_it_dies_with_its_worker_when_it_stands_alone(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TRAINER, write_config(data, tmp_path, images=ENDLESS, controlled=True))
    await_event(tmp_path, "step", process)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=PATIENCE) == EXIT_ORPHANED


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_rank_dies_with_a_killed_torchrun(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TORCHRUN, write_config(data, tmp_path, images=ENDLESS, controlled=True))
    await_event(tmp_path, "step", process)
    process.kill()
    process.wait(timeout=PATIENCE)
    await_no_rank(tmp_path)


def test_torchrun_hands_on_a_stop(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TORCHRUN, write_config(data, tmp_path, images=ENDLESS, controlled=True))
    await_event(tmp_path, "step", process)
    process.send_signal(signal.SIGTERM)
    stopped = await_event(tmp_path, "stopped", process)
    process.communicate(timeout=PATIENCE)
    assert goes_on_to_the_same_bytes(data, tmp_path, stopped)


def test_torchrun_runs_to_the_end(data: Path, tmp_path: Path, start: Start) -> None:
    process = start(TORCHRUN, write_config(data, tmp_path / "a", controlled=True))
    done = await_event(tmp_path / "a", "done", process)
    assert process.stdout is not None
    assert process.wait(timeout=PATIENCE) == 0  # its stdin open to the end: closed, it would die where it is
    assert process.stdout.read() == b""
    assert digests(done["path"]) == digests(run(data, tmp_path / "b")[-1]["path"])


def test_a_defect_is_an_event_as_well_as_a_stack(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr("f2c_trainer.train.train", broken)
    monkeypatch.setattr(sys, "argv", ["f2c_trainer", write_config(data, tmp_path)])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with pytest.raises(RuntimeError, match="nobody foresaw this"):
            main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    [event] = read_events(tmp_path)
    assert event["code"] == "F2C_STEP_CRASHED"
    assert event["what"] == "The trainer crashed: RuntimeError('nobody foresaw this')"
