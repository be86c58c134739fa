"""A training: networks, head, optimizer and loaders, one step, and the state that a checkpoint keeps."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .augment import COLOR, MEAN, SCALE, augment, to_input
from .backbone import build_backbone
from .checkpoint import Best, Checkpoint, load_checkpoint
from .config import Config, training_params
from .dcp import DcpHead
from .errors import F2cError, not_finite
from .fc import FcHead
from .head import Head, Loss
from .index import Index
from .initial import load_initial
from .loaders import Batch, Loaders
from .optimization import Optimization, Update
from .order import Order
from .partial_fc import PartialFcHead

_LOSS_SMOOTHING = 0.95  # share of the earlier steps in the loss that is reported
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Training:
    """Networks, head, optimizer and loaders, and the number of steps they have made."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.index = Index(Path(config.index), "train")
        if self.index.image_size != config.image_size:
            raise F2cError(
                "F2C_CONFIG_INVALID",
                f'"imageSize" is {config.image_size}, but the index has images of {self.index.image_size} pixels',
                config.index,
                "Correct the config and start again",
            )
        self.loaders = Loaders(self.index, Path(config.shards), config)
        self.order = self.loaders.order
        self.pool_slots = pool_slots(config, self.index.identities, self.order) if config.head == "dcp" else None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

        torch.manual_seed(config.seed)
        probe = build_backbone(
            config.backbone,
            width=config.width,
            embedding_size=config.embedding_size,
            image_size=config.image_size,
        )
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
        if config.compile:
            self.probe.compile()  # in its place, so that the names of its weights stay
            if isinstance(self.head, DcpHead):
                self.head.gallery.compile()
        self.loss: float | None = None
        self.best: Best | None = None  # of the validations so far

    def _build_head(self) -> Head:
        if self.pool_slots is not None:
            return DcpHead(self.config, self.probe, self.pool_slots, self.device)
        kind = PartialFcHead if self.config.head == "partialFc" else FcHead
        return kind(self.config, self.index.identities, self.device)

    def train_step(self, batch: Batch) -> Loss:
        """One step, and if it is the last one of its update, the update; raises F2C_LOSS_NOT_FINITE."""
        update = self.optimization.update_of(self.step)
        if self.step == update.first:
            self._sample(update)
        pixels, draws = torch.from_numpy(batch.images), torch.from_numpy(batch.draws)
        images = augment(to_input(pixels.to(self.device)), draws.to(self.device), self.config.augment)
        x, y = images.chunk(2)
        number = torch.from_numpy(batch.number).to(self.device)

        precision = self.config.precision
        with torch.autocast(self.device.type, _DTYPES[precision], enabled=precision != "fp32"):
            loss = self.head.loss(self.probe, x, y, batch.identity, number, follow=self.step == update.first)
        value = loss.total.item()
        if not math.isfinite(value) and precision != "fp16":
            raise self._not_finite(f"The loss became {value}")
        self.optimization.backward(loss.total, update)
        self.head.commit()
        if self.step + 1 == update.stop:
            self.optimization.apply(update)
            if self.optimization.collapsed:
                raise self._not_finite("No loss scale kept the gradients finite")
        self.step += 1
        if math.isfinite(value):
            self.loss = value if self.loss is None else _LOSS_SMOOTHING * self.loss + (1 - _LOSS_SMOOTHING) * value
        return replace(loss, total=loss.total.detach(), gradient_norm=self.optimization.gradient_norm)

    def _sample(self, update: Update) -> None:
        if isinstance(self.head, PartialFcHead):
            orders = [self.order.of(step) for step in range(update.first, update.stop)]
            self.head.sample(np.concatenate([number for _, number, _ in orders]), update.number)

    @property
    def learning_rate(self) -> float:
        """Of the step that comes next."""
        return self.optimization.learning_rate(self.optimization.update_of(self.step))

    def facts(self) -> dict[str, object]:
        """The start event: what this training is."""
        return {
            "step": self.step,
            "steps": self.steps,
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
        return Checkpoint(self.probe.state_dict(), state, self.step, self.loss, self._described(), self.best)

    def restore(self, folder: Path) -> None:
        """Goes on where a checkpoint of the same training stopped."""
        saved = load_checkpoint(folder)
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
        self.head.load(saved.state)
        self.step, self.loss, self.best = saved.step, saved.loss, saved.best
        update = self.optimization.update_of(self.step)
        if update.first < self.step < update.stop:
            self._sample(update)
        self.optimization.load(saved.state)

    def _described(self) -> dict[str, object]:
        """A checkpoint's config.json."""
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

    def _not_finite(self, what: str) -> F2cError:
        return not_finite(f"{what} in step {self.step + 1} of {self.steps}", self.config.head)


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
