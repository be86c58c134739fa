"""Every head, precision, optimizer and accumulation: killed after each step, a training ends in the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from f2c_trainer.checkpoint import save_checkpoint
from f2c_trainer.config import Config, parse_config
from f2c_trainer.training import Training

from .support import digests, settings


def trained(config: Config, after_step: Callable[[Training], Training]) -> Training:
    training = Training(config)
    scaler = training.optimization.scaler
    scaler.load_state_dict({**scaler.state_dict(), "scale": 16.0})  # low enough that no update is skipped
    for step in range(training.steps):
        with closing(training.loaders.batches(step, step + 1)) as batches:
            training.train_step(next(batches))
        training = after_step(training)
    return training


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("head", ["dcp", "partialFc", "fc"])
def test_killed_after_each_step_it_ends_in_the_same_bytes(
    data: Path, tmp_path: Path, head: str, precision: str, optimizer: str, accumulate: int
) -> None:
    changes: dict[str, Any] = {"head": head, "precision": precision, "optimizer": optimizer, "accumulate": accumulate}
    changes |= {"images": 4 * 6, "identitiesPerStep": 2, "instancesPerStep": 2, "sampleRate": 0.5, "clipNorm": 5}
    config = parse_config(settings(data, tmp_path, **changes), "test")

    def killed(training: Training) -> Training:
        save_checkpoint(tmp_path / "killed", training.checkpoint())
        following = Training(config)
        following.restore(tmp_path / "killed")
        return following

    undisturbed = trained(config, lambda training: training)
    save_checkpoint(tmp_path / "undisturbed", undisturbed.checkpoint())
    save_checkpoint(tmp_path / "often", trained(config, killed).checkpoint())
    assert digests(tmp_path / "often") == digests(tmp_path / "undisturbed")
    assert undisturbed.optimization.gradient_norm is not None
    assert undisturbed.optimization.gradient_norm.isfinite()  # or the last update was none
