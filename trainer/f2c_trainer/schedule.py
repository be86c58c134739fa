"""The learning rate of each update."""

from __future__ import annotations

import math

from .config import Config


def warm_updates(updates: int, config: Config) -> int:
    """In how many of the updates the learning rate rises."""
    return round(config.warmup * updates)


def learning_rate(update: int, updates: int, config: Config) -> float:
    """Of update 0..updates-1: rises in a line during the warm-up, then falls as the schedule has it."""
    warm = warm_updates(updates, config)
    if update < warm:
        return config.learning_rate * (update + 1) / (warm + 1)
    if config.schedule == "step":
        falls = sum(update >= round(share * updates) for share in config.decay_at)
        return config.learning_rate * math.pow(config.decay_factor, falls)
    passed = (update - warm) / (updates - warm)
    if config.schedule == "polynomial":
        return config.learning_rate * math.pow(1 - passed, config.power)
    return config.learning_rate * (1 + math.cos(math.pi * passed)) / 2
