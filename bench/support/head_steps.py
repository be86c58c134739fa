"""One step of each head that the benchmark `head` measures, on embeddings that are given."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # PyTorch is loaded by the processes that measure, not by the one that starts them
    from f2c_trainer.config import Config
    from f2c_trainer.dcp import DcpHead
    from f2c_trainer.head import Head

PROBES, SIZE = 128, 512
MARGIN, SCALE = 0.4, 32.0


class Case(NamedTuple):
    head: str
    slots: int
    identities: int


def batches(pool: list[int], identities: int) -> Callable[[], tuple[list[int], list[int]]]:
    """x's and y's identities: the first half shows the same ones in both, and half of all are in the pool."""
    import numpy as np

    random = np.random.default_rng(0)

    def draw(count: int) -> list[int]:
        fresh = random.integers(0, identities, count)
        if pool:
            fresh[::2] = random.choice(pool, (count + 1) // 2, replace=False)
        return [int(one) for one in fresh]

    def batch() -> tuple[list[int], list[int]]:
        shared = draw(PROBES // 2)
        return shared + draw(PROBES // 2), shared + draw(PROBES // 2)

    return batch


def bare_products(slots: int) -> tuple[Callable[[], None], int]:
    """All probes with all slots, and a gradient as large with all slots again."""
    import torch

    probes, pool = torch.randn(2 * PROBES, SIZE), torch.randn(slots, SIZE)
    logits, gradient = torch.empty(2 * PROBES, slots), torch.empty(2 * PROBES, SIZE)

    def step() -> None:
        torch.mm(probes, pool.T, out=logits)
        torch.mm(logits, pool, out=gradient)

    return step, pool.nbytes


def published(case: Case) -> tuple[Callable[[], None], int]:
    import torch
    from peers.ffc import FfcHead
    from torch.nn.functional import normalize

    head = FfcHead(
        case.slots,
        SIZE,
        "topk" if case.head.endswith("topk") else "sort",
        MARGIN,
        SCALE,
    )
    owners = spread(case)
    head.lru.update({identity: slot for slot, identity in enumerate(owners)})
    batch = batches(owners, case.identities)

    def step() -> None:
        x, y = (torch.randn(PROBES, SIZE, requires_grad=True) for _ in range(2))
        gallery_x, gallery_y = normalize(torch.randn(2, PROBES, SIZE), dim=2)
        torch.autograd.backward(head.step(normalize(x), normalize(y), gallery_x, gallery_y, *batch()))

    return step, head.queue.nbytes


def ours(case: Case) -> tuple[Callable[[], None], int]:
    import numpy as np
    import torch
    from torch import nn

    from f2c_trainer.dcp import DcpHead
    from f2c_trainer.fc import FcHead
    from f2c_trainer.optimization import build_optimizer
    from f2c_trainer.partial_fc import PartialFcHead

    class Given(nn.Module):
        """In the place of a network: the embeddings are given. The gallery's EMA needs one parameter."""

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
            return embeddings * self.scale

    config, device, probe = head_config(case), torch.device("cpu"), Given()
    head: Head
    if case.head == "dcp":
        head = DcpHead(config, probe, case.slots, device)
    else:
        head = (PartialFcHead if case.head == "partialFc" else FcHead)(config, case.identities, device)
    optimizer = build_optimizer([*probe.parameters(), *head.parameters().values()], config)
    if isinstance(head, PartialFcHead):
        head.attach(optimizer)
    owners = spread(case) if case.slots else []
    if isinstance(head, DcpHead):
        fill(head, owners)
    batch = batches(owners, case.identities)
    updates = itertools.count()

    def step() -> None:
        x, y = (torch.randn(PROBES, SIZE, requires_grad=True) for _ in range(2))
        of_x, of_y = batch()
        both = np.array(of_x + of_y)
        if isinstance(head, PartialFcHead):
            head.sample(both, next(updates))
        loss = head.loss(probe, x, y, both, torch.from_numpy(both)).total
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        head.commit()

    return step, head.bytes()


def spread(case: Case) -> list[int]:
    """An identity for every slot, spread over all numbers."""
    return [slot * (case.identities // case.slots) for slot in range(case.slots)]


def fill(head: DcpHead, owners: list[int]) -> None:
    import numpy as np
    import torch

    owner = np.array(owners, dtype=np.int64)
    integers = {
        "owner": owner,
        "next_row": np.ones_like(owner),
        "stamp": np.arange(len(owner), dtype=np.int64),
    }
    head.slots.load({**integers, "twice": np.zeros(len(owner), dtype=np.bool_)})
    head.features = torch.nn.functional.normalize(torch.randn_like(head.features), dim=-1)


def head_config(case: Case) -> Config:
    from f2c_trainer.config import parse_config

    values: dict[str, object] = {
        "images": 1,
        "head": case.head,
        "margin": "cosface",
        "marginValue": MARGIN,
        "scale": SCALE,
        "poolSize": case.slots or None,
        "galleryMomentum": 0.99,
        "identitiesPerStep": 64,
        "instancesPerStep": 128,
        "backbone": "mbf",
        "width": 1.0,
        "embeddingSize": SIZE,
        "imageSize": 112,
        "learningRate": 0.1,
        "momentum": 0.9,
        "weightDecay": 5e-4,
        "warmup": 0.0,
        "augment": [],
        "seed": 0,
        "checkpointEverySteps": 1,
        "work": "",
        "index": "",
        "shards": "",
    }
    return parse_config(values, "bench")
