"""A training: networks, head, optimizer and loaders, one step, and the state that a checkpoint keeps."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .backbone import build_backbone
from .batch_norm import arrange_batch_norm, running_statistics
from .checkpoint import Best, Checkpoint, load_checkpoint
from .config import Config, training_params
from .dcp import DcpHead
from .distributed import ALONE, Processes
from .errors import F2cError, diverged, not_finite
from .fc import FcHead
from .head import Head, Loss
from .index import Index
from .initial import load_initial
from .loaders import Batch, Loaders
from .optimization import Optimization, Update
from .order import Order
from .partial_fc import PartialFcHead
from .pixels import COLOR, MEAN, SCALE, network_input

_LOSS_SMOOTHING = 0.95  # share of the earlier steps in the loss that is reported
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Training:
    """Networks, head, optimizer and loaders, and the number of steps they have made; the same in all processes."""

    def __init__(self, config: Config, processes: Processes = ALONE) -> None:
        self.config, self.processes, self.device = config, processes, processes.device
        processes.check_devices()
        self.index = Index(Path(config.index), "train")
        if self.index.image_size != config.image_size:
            raise F2cError(
                "F2C_CONFIG_INVALID",
                f'"imageSize" is {config.image_size}, but the index has images of {self.index.image_size} pixels',
                config.index,
                "Correct the config and start again",
            )
        self.loaders = Loaders(self.index, Path(config.shards), config, processes)
        self.order = self.loaders.order
        self.pool_slots = pool_slots(config, self.index.identities, self.order) if config.head == "dcp" else None

        torch.manual_seed(config.seed)
        probe = build_backbone(
            config.backbone,
            width=config.width,
            embedding_size=config.embedding_size,
            image_size=config.image_size,
        )
        probe = arrange_batch_norm(probe, self.order, config, processes)
        self.initial: object = None if config.init_from is None else load_initial(probe, Path(config.init_from))
        self.probe = probe.to(self.device).train()
        for parameter in self.probe.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.head = self._build_head()
        self.step = 0
        self.steps = math.ceil(config.images / self.order.images_per_step)
        self.optimization = Optimization(self.probe, self.head.parameters(), self.steps, config)
        if isinstance(self.head, PartialFcHead):
            self.head.attach(self.optimization.optimizer)
        self._networks = [self.probe, *self.head.networks()]
        if config.compile:
            for network in self._networks:
                network.compile()  # in its place, so that the names of its weights stay
        self.resumed_from: int | None = None  # number of processes
        self.loss: float | None = None
        self.lowest_loss: float | None = None  # since the warm-up
        self._unsettled: list[Loss] = []  # of the steps since the last pause
        self.best: Best | None = None  # of the validations so far

    def _build_head(self) -> Head:
        if self.pool_slots is not None:
            return DcpHead(self.config, self.probe, self.pool_slots, self.device, self.processes)
        kind = PartialFcHead if self.config.head == "partialFc" else FcHead
        return kind(self.config, self.index.identities, self.device, self.processes)

    @property
    def pause(self) -> int:
        """How many steps are made when the training may next be validated, saved or stopped.

        One process may pause after any step, several after an update, because then they add up what they have found.
        """
        return self.step + 1 if self.processes.alone else self.optimization.update_of(self.step).stop

    def passed(self, every: int) -> bool:
        """Whether a multiple of `every` steps came since the pause before this one."""
        latest = self.step - 1
        before = latest if self.processes.alone else self.optimization.update_of(latest).first
        return self.step // every > before // every

    def train_step(self, batch: Batch) -> Loss:
        """One step, and if it is the last one of its update, the update.

        Raises F2C_LOSS_NOT_FINITE, F2C_TRAINING_DIVERGED.
        Of several processes each knows only its own part of the loss until the update is made.
        """
        update = self.optimization.update_of(self.step)
        if self.step == update.first:
            self._sample(update)
        light = None if batch.light is None else torch.from_numpy(batch.light).to(self.device)
        x, y = network_input(batch.images.to(self.device), light).chunk(2)
        number = torch.from_numpy(self.processes.part(batch.number)).to(self.device)

        precision = self.config.precision
        with torch.autocast(self.device.type, _DTYPES[precision], enabled=precision != "fp32"):
            loss = self.head.loss(self.probe, x, y, batch.identity, number, follow=self.step == update.first)
        pause = self.pause
        self.optimization.backward(loss.total, update)
        self.head.commit()
        self.step += 1
        loss = replace(loss, total=loss.total.detach())
        self._unsettled.append(loss)
        return self._settle(update) if self.step == pause else loss

    def _settle(self, update: Update) -> Loss:
        """Takes in the steps since the last pause, and makes the update if it is due; the loss of the last step."""
        parts = torch.stack([loss.parts() for loss in self._unsettled])
        self._add_up(parts)
        for step, value in enumerate(parts[:, 0].tolist(), self.step + 1 - len(parts)):
            if math.isfinite(value):
                self.loss = value if self.loss is None else _LOSS_SMOOTHING * self.loss + (1 - _LOSS_SMOOTHING) * value
            elif self.config.precision != "fp16":
                raise self._not_finite(f"The loss became {value}", step)
        self._watch_loss()
        if self.step == update.stop:
            self.optimization.apply(update)
            if self.optimization.collapsed:
                raise self._not_finite("No loss scale kept the gradients finite", self.step)
        last, known = self._unsettled[-1], dict(zip(("total", "in_pool", "out_of_pool"), parts[-1], strict=False))
        self._unsettled = []
        return replace(last, **known, gradient_norm=self.optimization.gradient_norm)

    def _watch_loss(self) -> None:
        """Raises F2C_TRAINING_DIVERGED if the loss has risen too far since the warm-up."""
        if self.loss is None or self.optimization.warming_up(self.step):
            return
        self.lowest_loss = self.loss if self.lowest_loss is None else min(self.loss, self.lowest_loss)
        most = self.config.stop_at_loss_rise
        if most is not None and self.loss > most * self.lowest_loss:
            what = f"The loss rose from {self.lowest_loss:.3g} to {self.loss:.3g} by step {self.step} of {self.steps}"
            raise diverged(what, self.config.head)

    def _add_up(self, losses: Tensor) -> None:
        """Makes losses, gradients and running statistics those of all processes."""
        if self.processes.alone:
            return
        gradients, compression = self.optimization.gradients(), self.config.gradient_compression
        statistics = [one for network in self._networks for one in running_statistics(network)]
        if compression == "none":
            self.processes.add_up([*gradients, losses, *statistics])
        else:
            self.processes.add_up(gradients, _DTYPES[compression])
            self.processes.add_up([losses, *statistics])
        torch._foreach_div_(statistics, self.processes.world)

    def _sample(self, update: Update) -> None:
        if isinstance(self.head, PartialFcHead):
            orders = [self.order.of(step) for step in range(update.first, update.stop)]
            self.head.sample(np.concatenate([order.number for order in orders]), update.number)

    @property
    def learning_rate(self) -> float:
        """Of the step that comes next."""
        return self.optimization.learning_rate(self.optimization.update_of(self.step))

    def facts(self) -> dict[str, object]:
        """The start event: what this training is."""
        return {
            "step": self.step,
            "steps": self.steps,
            "processes": self.processes.world,
            **({} if self.resumed_from is None else {"resumedFrom": {"processes": self.resumed_from}}),
            "images": self.config.images,
            "identities": self.index.identities,
            "instances": self.index.instances,
            "poolSlots": self.pool_slots,
            "headBytes": self.head.bytes(),
            "parameters": sum(parameter.numel() for parameter in self.probe.parameters()),
        }

    def checkpoint(self) -> Checkpoint:
        """All of the state: the tensors themselves, which the next step changes."""
        state = {**self.head.state(), **self.optimization.state()}
        described = {**self._described(), "processes": self.processes.world}
        shares = [share] if (share := self.head.share()) else []
        model = self.probe.state_dict()
        return Checkpoint(model, state, self.step, self.loss, described, self.best, self.lowest_loss, shares)

    def restore(self, folder: Path) -> None:
        """Goes on where a checkpoint of the same training stopped, on whatever number of processes."""
        saved = load_checkpoint(folder)
        processes = int(saved.config.pop("processes", 1))
        self.resumed_from = processes if processes != self.processes.world else None
        if self.config.init_from is None:
            self.initial = saved.config.get("initFrom")  # what it began with is not needed to go on
        if differing := _differences(saved.config, self._described()):
            raise F2cError(
                "F2C_CONFIG_INVALID",
                f"The checkpoint is of another training: {', '.join(differing)}",
                str(folder),
                "Resume with the config and the index that the checkpoint was made with",
            )
        self.probe.load_state_dict(saved.model)
        self.head.load(saved.state, saved.shares)
        self.step, self.loss, self.lowest_loss, self.best = saved.step, saved.loss, saved.lowest_loss, saved.best
        update = self.optimization.update_of(self.step)
        if update.first < self.step < update.stop:
            self._sample(update)
        self.optimization.load(saved.state, gradients=self.processes.rank == 0)

    def _described(self) -> dict[str, object]:
        """A checkpoint's config.json, but for the number of processes, which may change on the way."""
        config = self.config
        described = {
            "format": 1,
            "backbone": config.backbone,
            "width": config.width,
            "embeddingSize": config.embedding_size,
            "imageSize": config.image_size,
            "input": {"color": COLOR, "mean": MEAN, "scale": SCALE},
            "initFrom": self.initial,
            "head": config.head,
            "poolSlots": self.pool_slots,
            "identities": self.index.identities,
            "instances": self.index.instances,
            "headBytes": self.head.bytes(),
            "params": training_params(config),
        }
        return typing.cast(dict[str, object], json.loads(json.dumps(described)))

    def _not_finite(self, what: str, step: int) -> F2cError:
        return not_finite(f"{what} in step {step} of {self.steps}", self.config.head)


def _differences(before: dict[str, object], now: dict[str, object], within: str = "") -> list[str]:
    """Keys whose values differ, each with both values."""
    found = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{name}.")
        elif old != new:
            found.append(f"{within}{name} {json.dumps(old)} -> {json.dumps(new)}")
    return found


def pool_slots(config: Config, identities: int, order: Order) -> int:
    """Slots of the pool; raises F2C_POOL_TOO_SMALL if one pass could push out identities of its own."""
    ratio = 0.1 if config.pool_ratio is None else config.pool_ratio
    slots = max(1, round(ratio * identities)) if config.pool_size is None else min(config.pool_size, identities)
    smallest = min(order.identities_per_step + order.instances_per_step // 2, identities)
    if slots < smallest:
        raise F2cError(
            "F2C_POOL_TOO_SMALL",
            f"A pool of {slots} slots cannot hold the up to {smallest} identities of one pass",
            f"{identities} training identities, {order.identities_per_step} identities and "
            f"{order.instances_per_step} instances a step",
            f'Set "poolSize" to at least {smallest}, or lower "identitiesPerStep" or "instancesPerStep"',
        )
    return slots
