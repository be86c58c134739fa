from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import pytest
import torch

from f2c_trainer.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from f2c_trainer.errors import F2cError

from .support import digests


def some_checkpoint(scale: float = 1) -> Checkpoint:
    torch.manual_seed(0)
    model = {"b": torch.randn(3, 4) * scale, "a": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)}
    state = {"pool.owner": torch.tensor([2**63 - 1, -5]), "momentum.a": torch.randn(7)}
    return Checkpoint(model, state, 12, 0.1 + 0.2, {"width": 0.5, "input": {"color": "RGB"}, "head": None})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = some_checkpoint()
    save_checkpoint(tmp_path / "12", saved)
    loaded = load_checkpoint(tmp_path / "12")
    assert (loaded.step, loaded.loss, loaded.config) == (saved.step, saved.loss, saved.config)
    for ours, theirs in ((loaded.model, saved.model), (loaded.state, saved.state)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_the_same_state_gives_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    one = some_checkpoint()
    other = Checkpoint(dict(reversed(one.model.items())), dict(reversed(one.state.items())), one.step, one.loss,
                       dict(reversed(one.config.items())))  # fmt: skip
    save_checkpoint(tmp_path / "1", one)
    save_checkpoint(tmp_path / "2", other)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    assert list(digests(tmp_path / "1")) == ["config.json", "model.safetensors", "state.json", "state.safetensors"]
    assert (tmp_path / "1" / "state.json").read_text() == '{"loss":0.30000000000000004,"step":12}'


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "stray").write_text("left by an earlier attempt")
    (tmp_path / ".12.draft").mkdir()
    save_checkpoint(tmp_path / "12", some_checkpoint())
    assert len(list((tmp_path / "12").iterdir())) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["12"]


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json", "config.json"])
def test_a_damaged_or_missing_file_is_named(tmp_path: Path, name: str) -> None:
    save_checkpoint(tmp_path / "12", some_checkpoint())
    path = tmp_path / "12" / name
    path.write_bytes(path.read_bytes()[:10])
    for _ in range(2):
        with pytest.raises(F2cError) as caught:
            load_checkpoint(tmp_path / "12")
        assert str(caught.value) == (
            f"F2C_DATA_CORRUPT: A file of the checkpoint is missing or damaged ({path}). "
            "Start again from an earlier checkpoint."
        )
        path.unlink(missing_ok=True)


def test_a_state_without_a_step_is_damaged(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "12", some_checkpoint())
    (tmp_path / "12" / "state.json").write_text(json.dumps({"step": "12", "loss": 1.0}))
    with pytest.raises(F2cError, match=r"state\.json"):
        load_checkpoint(tmp_path / "12")


def test_a_full_disk_is_a_clear_error_and_leaves_no_folder(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the system refuses the write in the same place."""
    big = Checkpoint({"a": torch.zeros(100_000)}, {}, 1, None, {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(F2cError) as caught:
            save_checkpoint(tmp_path / "1", big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(caught.value) == (
        f"F2C_DISK_FULL: The disk takes no more data ({tmp_path / '1'}). "
        "Free some space; the training goes on from its newest checkpoint."
    )
    assert list(tmp_path.iterdir()) == []
