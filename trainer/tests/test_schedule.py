from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from f2c_trainer.config import parse_config
from f2c_trainer.schedule import learning_rate

from .support import settings

SCHEDULES = ["cosine", "polynomial", "step"]


def rates(updates: int, warmup: float, schedule: str, **changes: Any) -> list[float]:
    changes |= {"learningRate": 1, "warmup": warmup, "schedule": schedule}
    config = parse_config(settings(Path("data"), Path("work"), **changes), "test")
    return [learning_rate(update, updates, config) for update in range(updates)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_rises_in_a_line(schedule: str) -> None:
    values = rates(10, 0.4, schedule, decayAt=[0.5])
    assert values[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert values[4:] == sorted(values[4:], reverse=True)


def test_it_falls_as_half_a_cosine() -> None:
    values = rates(10, 0.4, "cosine")
    assert values[7] == pytest.approx(0.5)
    assert 0 < values[-1] < 0.1


def test_it_falls_as_a_polynomial() -> None:
    assert rates(5, 0, "polynomial") == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
    assert rates(5, 0, "polynomial", power=2) == pytest.approx([1, 0.64, 0.36, 0.16, 0.04])


def test_it_falls_in_steps() -> None:
    # The reference's 19 epochs, with falls after 8, 14 and 17 of them.
    assert rates(19, 0, "step") == pytest.approx([1] * 8 + [0.1] * 6 + [0.01] * 3 + [0.001] * 2)
    assert rates(4, 0, "step", decayAt=[0.5], decayFactor=0.5) == [1, 1, 0.5, 0.5]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("updates", "warmup"), [(1, 0), (1, 1), (3, 1), (7, 0), (1000, 0.05)])
def test_every_update_has_a_positive_rate_up_to_the_peak(updates: int, warmup: float, schedule: str) -> None:
    assert all(0 < rate <= 1 for rate in rates(updates, warmup, schedule))
