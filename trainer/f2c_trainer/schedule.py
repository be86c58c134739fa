"""The optimiser and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from .config import Config


def build_optimizer(parameters: Iterable[nn.Parameter], config: Config) -> torch.optim.SGD:
    return torch.optim.SGD(
        parameters,
        lr=config.learning_rate,
        momentum=config.momentum,
        nesterov=config.momentum > 0,
        weight_decay=config.weight_decay,
        foreach=True,
    )


def learning_rate(step: int, steps: int, config: Config) -> float:
    """Of step 0..steps-1: rises in a line during the warm-up, then falls as half a cosine towards 0."""
    warm = round(config.warmup * steps)
    if step < warm:
        return config.learning_rate * (step + 1) / (warm + 1)
    return config.learning_rate * (1 + math.cos(math.pi * (step - warm) / (steps - warm))) / 2
