from __future__ import annotations

from pathlib import Path

import pytest

from f2c_trainer.config import parse_config
from f2c_trainer.schedule import learning_rate

from .support import settings


def rates(steps: int, warmup: float) -> list[float]:
    config = parse_config(settings(Path("data"), Path("work"), learningRate=1, warmup=warmup), "test")
    return [learning_rate(step, steps, config) for step in range(steps)]


def test_it_rises_in_a_line_and_falls_as_half_a_cosine() -> None:
    values = rates(10, 0.4)
    assert values[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert values[7] == pytest.approx(0.5)
    assert values == [*sorted(values[:5]), *sorted(values[5:], reverse=True)]
    assert 0 < values[-1] < 0.1


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (3, 1), (7, 0), (1000, 0.05)])
def test_every_step_has_a_positive_rate_up_to_the_peak(steps: int, warmup: float) -> None:
    assert all(0 < rate <= 1 for rate in rates(steps, warmup))
