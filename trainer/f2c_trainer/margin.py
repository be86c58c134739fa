"""Margins that make the target's cosine harder to reach than the others'."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LEAST_SQUARED_SINE = 1e-6  # the derivative of the sine is infinite at a cosine of 1
_HARDER = 1.2  # SV: factor of the cosines that are too close to the target's


def with_margin(cosine: Tensor, kind: str, value: float) -> Tensor:
    """Cosines of the targets -> the same after the margin. [n] -> [n]"""
    if kind == "cosface":
        return cosine - value
    if kind == "sv":
        return torch.where(cosine > value, cosine - value, cosine)
    sine = (1 - cosine * cosine).clamp(min=_LEAST_SQUARED_SINE).sqrt()
    return cosine * math.cos(value) - sine * math.sin(value)


def harder(cosines: Tensor, threshold: Tensor) -> Tensor:
    """SV: cosines above the target's less the margin are moved away from -1, so that they weigh more."""
    return torch.where(cosines > threshold, _HARDER * cosines + (_HARDER - 1), cosines)


def slope(cosines: Tensor, threshold: Tensor) -> Tensor:
    """Derivative of `harder`."""
    return 1 + (_HARDER - 1) * (cosines > threshold).to(cosines.dtype)


def hardened(cosines: Tensor, target: Tensor, kind: str, value: float) -> Tensor:
    """Cosines with the margin on the target, and with SV on the others too. [n, C], [n] -> [n, C]"""
    column = target[:, None]
    right = cosines.gather(1, column)
    if kind == "sv":
        cosines = harder(cosines, right.detach() - value)
    return cosines.scatter(1, column, with_margin(right, kind, value))


def margin_loss(cosines: Tensor, target: Tensor, kind: str, value: float, scale: float) -> Tensor:
    """Mean cross entropy of the scaled cosines with the margin on the target; 0 for no rows. [n, C], [n] -> []"""
    logits = scale * hardened(cosines, target, kind, value)
    return torch.nn.functional.cross_entropy(logits, target, reduction="sum") / max(len(target), 1)
