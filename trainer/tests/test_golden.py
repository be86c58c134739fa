"""The losses of the first steps of three trainings, as they were when the trainer was last changed on purpose.

A change of these numbers changes every model: it must be explained, and the trace be recorded anew by
`python -m tests.test_golden` in the folder `trainer`.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from f2c_trainer.config import parse_config
from f2c_trainer.training import Training

from .support import settings, write_data

TRACE = Path(__file__).parent / "golden" / "losses.json"
VARIANTS: dict[str, dict[str, Any]] = {
    "dcp": {"head": "dcp"},
    "dcp, as the reference": {"head": "dcp", "margin": "arcface", "poolInit": "reference", "clipNorm": 5},
    "partialFc, AdamW, two steps an update": {
        **{"head": "partialFc", "sampleRate": 0.5, "optimizer": "adamw", "learningRate": 1e-3, "accumulate": 2},
    },
    "fc": {"head": "fc", "schedule": "polynomial"},
}
STEPS, IMAGES_PER_STEP = 10, 12
TOLERANCE = 1e-3  # other processors round otherwise, and steps add up


def losses(data: Path, changes: dict[str, Any]) -> list[float]:
    torch.set_num_threads(1)
    images = STEPS * IMAGES_PER_STEP
    training = Training(parse_config(settings(data, data, **{"images": images, **changes}), "golden"))
    with closing(training.loaders.batches(0, training.steps)) as batches:
        return [round(training.train_step(batch).total.item(), 5) for batch in batches]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_those_on_record(data: Path, variant: str) -> None:
    recorded = json.loads(TRACE.read_text())[variant]
    assert losses(data, VARIANTS[variant]) == pytest.approx(recorded, rel=TOLERANCE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder))
        traces = {variant: losses(Path(folder), changes) for variant, changes in VARIANTS.items()}
    TRACE.parent.mkdir(exist_ok=True)
    TRACE.write_text(json.dumps(traces, indent=2) + "\n")
