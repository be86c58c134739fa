"""A training: networks, head, optimizer and loaders, one step, and the state that a checkpoint keeps."""

from __future__ import annotations

import json
import math
import typing
from pathlib import Path

import torch

from .augment import COLOR, MEAN, SCALE, augment, to_input
from .backbone import build_backbone
from .checkpoint import Checkpoint, load_checkpoint
from .config import Config, training_params
from .data import Batch, Index, Loaders
from .dcp import DcpHead
from .errors import F2cError
from .fc import FcHead
from .head import Head, Loss
from .schedule import build_optimizer, learning_rate

_LOSS_SMOOTHING = 0.95  # share of the earlier steps in the loss that is reported


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
        self.pool_slots = pool_slots(config, self.loaders) if config.head == "dcp" else None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

        torch.manual_seed(config.seed)
        probe = build_backbone(
            config.backbone,
            width=config.width,
            embedding_size=config.embedding_size,
            image_size=config.image_size,
        )
        self.probe = probe.to(self.device).train()
        for parameter in self.probe.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.head: Head = (
            FcHead(config, self.index.identities, self.device)
            if self.pool_slots is None
            else DcpHead(config, self.probe, self.pool_slots, self.device)
        )
        self.trained = {**dict(self.probe.named_parameters()), **self.head.parameters()}
        self.optimizer = build_optimizer(self.trained.values(), config)
        self.step = 0
        self.steps = math.ceil(config.images / self.loaders.images_per_step)
        self.loss: float | None = None

    def train_step(self, batch: Batch) -> Loss:
        """One step at the learning rate of its place in the schedule; raises F2C_LOSS_NOT_FINITE."""
        pixels, draws = torch.from_numpy(batch.images), torch.from_numpy(batch.draws)
        images = augment(to_input(pixels.to(self.device)), draws.to(self.device), self.config.augment)
        x, y = images.chunk(2)
        number = torch.from_numpy(batch.number).to(self.device)

        loss = self.head.loss(self.probe, x, y, batch.identity, number)
        value = loss.total.item()
        if not math.isfinite(value):
            raise self._not_finite(f"The loss became {value}")
        self.optimizer.zero_grad()
        torch.autograd.backward(loss.total)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
        self.optimizer.step()
        self.head.commit()
        self.step += 1
        self.loss = value if self.loss is None else _LOSS_SMOOTHING * self.loss + (1 - _LOSS_SMOOTHING) * value
        return loss

    @property
    def learning_rate(self) -> float:
        """Of the step that comes next."""
        return learning_rate(self.step, self.steps, self.config)

    def facts(self) -> dict[str, object]:
        """The start event: what this training is, and what the data did not allow."""
        config, loaders = self.config, self.loaders
        asked = {
            "identitiesPerStep": (config.identities_per_step, loaders.identities_per_step),
            "instancesPerStep": (config.instances_per_step, loaders.instances_per_step),
        }
        return {
            "step": self.step,
            "steps": self.steps,
            "images": config.images,
            "identities": self.index.identities,
            "instances": self.index.instances,
            "poolSlots": self.pool_slots,
            "headBytes": self.head.bytes(),
            "parameters": sum(parameter.numel() for parameter in self.probe.parameters()),
            "capped": {name: used for name, (wanted, used) in asked.items() if used < wanted},
        }

    def checkpoint(self) -> Checkpoint:
        """All of the state; raises F2C_LOSS_NOT_FINITE rather than hand out NaN."""
        model, head = self.probe.state_dict(), self.head.state()
        if not all(tensor.isfinite().all() for tensor in (*model.values(), *head.values())):
            raise self._not_finite("A weight became NaN or infinite")
        momentum = {
            f"momentum.{name}": self.optimizer.state[parameter]["momentum_buffer"]
            for name, parameter in self.trained.items()
            if self.optimizer.state[parameter].get("momentum_buffer") is not None
        }
        return Checkpoint(model, {**head, **momentum}, self.step, self.loss, self._described())

    def restore(self, folder: Path) -> None:
        """Goes on where a checkpoint of the same training stopped."""
        saved = load_checkpoint(folder)
        if differing := _differences(saved.config, self._described()):
            raise F2cError(
                "F2C_CONFIG_INVALID",
                f"The checkpoint is of another training: {', '.join(differing)}",
                str(folder),
                "Resume with the config and the index that the checkpoint was made with",
            )
        self.probe.load_state_dict(saved.model)
        self.head.load(saved.state)
        for name, parameter in self.trained.items():
            if (momentum := saved.state.get(f"momentum.{name}")) is not None:
                self.optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momentum)
        self.step, self.loss = saved.step, saved.loss

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
            "head": config.head,
            "poolSlots": self.pool_slots,
            "identities": self.index.identities,
            "instances": self.index.instances,
            "headBytes": self.head.bytes(),
            "params": training_params(config),
        }
        return typing.cast(dict[str, object], json.loads(json.dumps(described)))

    def _not_finite(self, what: str) -> F2cError:
        return F2cError(
            "F2C_LOSS_NOT_FINITE",
            f"{what} in step {self.step + 1} of {self.steps}",
            f"{self.config.head} head",
            "Lower learningRate, or marginValue and scale; the last checkpoint is kept",
        )


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


def pool_slots(config: Config, loaders: Loaders) -> int:
    """Slots of the pool; raises F2C_POOL_TOO_SMALL if one pass could push out identities of its own."""
    identities = loaders.index.identities
    ratio = 0.1 if config.pool_ratio is None else config.pool_ratio
    slots = max(1, round(ratio * identities)) if config.pool_size is None else min(config.pool_size, identities)
    smallest = min(loaders.identities_per_step + loaders.instances_per_step // 2, identities)
    if slots < smallest:
        raise F2cError(
            "F2C_POOL_TOO_SMALL",
            f"A pool of {slots} slots cannot hold the up to {smallest} identities of one pass",
            f"{identities} training identities, {loaders.identities_per_step} identities and "
            f"{loaders.instances_per_step} instances a step",
            f'Set "poolSize" to at least {smallest}, or lower "identitiesPerStep" or "instancesPerStep"',
        )
    return slots
