"""Batch norm over fixed groups of images, so that a network sees the same on any number of processes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm

from .config import Config
from .distributed import Processes
from .errors import F2cError
from .order import Order


class GroupedBatchNorm(_BatchNorm):
    """Normalises so many images at a time; its running statistics follow the mean over the groups."""

    def __init__(self, plain: _BatchNorm, images: int) -> None:
        super().__init__(plain.num_features, plain.eps, plain.momentum)
        self.images = images
        self.weight, self.bias = plain.weight, plain.bias
        self.running_mean, self.running_var = plain.running_mean, plain.running_var

    def _check_input_dim(self, _: Tensor) -> None:
        """As many axes as there are."""

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return super().forward(features)
        groups = torch.split(features, self.images)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        mean = self.running_mean.new_zeros(len(groups), self.num_features)
        variance = torch.zeros_like(mean)
        normalised = [
            batch_norm(group, mean[number], variance[number], self.weight, self.bias, True, 1.0, self.eps)
            for number, group in enumerate(groups)
        ]
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.mean(0), self.momentum)
        self.running_var.lerp_(variance.mean(0), self.momentum)
        return torch.cat(normalised)


def arrange_batch_norm(network: nn.Module, order: Order, config: Config, processes: Processes) -> nn.Module:
    """The network with batch norm as the config has it, under the same names. Raises F2C_CONFIG_INVALID."""
    check_shares(order, config, processes.world)
    if config.sync_batch_norm:
        if processes.device.type != "cuda":
            raise _invalid('"syncBatchNorm" needs GPUs', 'Leave it out, or set "bnGroups"')
        if not processes.alone:
            return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(network))  # type: ignore[no-untyped-call]
    if config.bn_groups is not None:
        images = _images(order) // config.bn_groups
        for parent in list(network.modules()):
            for name, child in parent.named_children():
                if isinstance(child, _BatchNorm):
                    setattr(parent, name, GroupedBatchNorm(child, images))
    return network


def running_statistics(network: nn.Module) -> list[Tensor]:
    return [buffer for buffer in network.buffers() if buffer.is_floating_point()]


def check_shares(order: Order, config: Config, world: int) -> None:
    """Raises F2C_CONFIG_INVALID if processes cannot share a pass evenly, or a group of batch norm lies across two."""
    images, groups = _images(order), config.bn_groups
    fitting = [count for count in _divisors(images) if count < images or images == 1]
    passes = f"the {images} images of a pass (identitiesPerStep + instancesPerStep / 2)"
    if world > 1 and world not in fitting:
        raise _invalid(
            f"The training was started with {world} processes, but their number must divide {passes}, two for each at "
            "least",
            f'Start {_or(fitting)} processes, or change "identitiesPerStep" or "instancesPerStep"',
        )
    if groups is not None and (groups not in fitting or groups % world > 0):
        others = f", or start {_or(_divisors(groups))} processes" if groups in fitting else ""
        raise _invalid(
            f'"bnGroups" is {groups}, but must divide {passes}, two for each at least, and be a multiple of the number '
            f"of processes, {world}",
            f'Set "bnGroups" to {_or([count for count in fitting if count % world == 0])}{others}',
        )


def _images(order: Order) -> int:
    """Of one pass, for all processes."""
    return order.images_per_step // 2


def _divisors(number: int) -> list[int]:
    return [count for count in range(1, number + 1) if number % count == 0]


def _or(numbers: list[int]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


def _invalid(what: str, fix: str) -> F2cError:
    return F2cError("F2C_CONFIG_INVALID", what, "batch norm and the number of processes", fix)
