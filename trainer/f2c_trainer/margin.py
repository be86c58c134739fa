"""Margins that make the target's cosine harder to reach than the others'."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LEAST_SQUARED_SINE = 1e-6  # the derivative of the sine is infinite at a cosine of 1


def with_margin(cosine: Tensor, kind: str, value: float) -> Tensor:
    """Cosines of the targets -> the same after the margin. [n] -> [n]"""
    if kind == "cosface":
        return cosine - value
    sine = (1 - cosine * cosine).clamp(min=_LEAST_SQUARED_SINE).sqrt()
    return cosine * math.cos(value) - sine * math.sin(value)


def margin_loss(cosines: Tensor, target: Tensor, kind: str, value: float, scale: float) -> Tensor:
    """Mean cross entropy of the scaled cosines with the margin on the target; 0 for no rows. [n, C], [n] -> []"""
    column = target[:, None]
    hardened = with_margin(cosines.gather(1, column), kind, value)
    losses = torch.nn.functional.cross_entropy(scale * cosines.scatter(1, column, hardened), target, reduction="sum")
    return losses / max(len(target), 1)
