"""One step of each head that the benchmark `head` measures, on embeddings that are given."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # PyTorch is loaded by the processes that measure, not by the one that starts them
    import torch

    from f2c_trainer.config import Config
    from f2c_trainer.dcp import DcpHead
    from f2c_trainer.head import Head

PROBES, SIZE = 128, 512
MARGIN, SCALE = 0.4, 32.0


class Case(NamedTuple):
    head: str
    slots: int
    identities: int


class Inputs(NamedTuple):
    """What a step is given, and what drawing it costs is not the step's."""

    x: torch.Tensor  # embeddings. [PROBES, SIZE]
    y: torch.Tensor
    of_x: list[int]  # identities. [PROBES]
    of_y: list[int]


Step = Callable[[Inputs], None]


def batches(case: Case) -> Callable[[], Inputs]:
    """The first half of x and y shows the same identities, and half of all are in the pool."""
    import numpy as np
    import torch

    random, pool = np.random.default_rng(0), spread(case)

    def draw(count: int) -> list[int]:
        fresh = random.integers(0, case.identities, count)
        if pool:
            fresh[::2] = random.choice(pool, (count + 1) // 2, replace=False)
        return [int(one) for one in fresh]

    def batch() -> Inputs:
        x, y = (torch.randn(PROBES, SIZE, requires_grad=True) for _ in range(2))
        shared = draw(PROBES // 2)
        return Inputs(x, y, shared + draw(PROBES // 2), shared + draw(PROBES // 2))

    return batch


def bare_products(slots: int) -> tuple[Step, int]:
    """All probes with all slots, and a gradient as large with all slots again."""
    import torch

    probes, pool = torch.randn(2 * PROBES, SIZE), torch.randn(slots, SIZE)
    logits, gradient = torch.empty(2 * PROBES, slots), torch.empty(2 * PROBES, SIZE)

    def step(_inputs: Inputs) -> None:
        torch.mm(probes, pool.T, out=logits)
        torch.mm(logits, pool, out=gradient)

    return step, pool.nbytes


def published(case: Case) -> tuple[Step, int]:
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
    head.lru.update({identity: slot for slot, identity in enumerate(spread(case))})

    def step(inputs: Inputs) -> None:
        gallery_x, gallery_y = normalize(torch.randn(2, PROBES, SIZE), dim=2)
        x, y, of_x, of_y = inputs
        torch.autograd.backward(head.step(normalize(x), normalize(y), gallery_x, gallery_y, of_x, of_y))

    return step, head.queue.nbytes


def ours(case: Case) -> tuple[Step, int]:
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
    if isinstance(head, DcpHead):
        fill(head, spread(case))
    updates = itertools.count()

    def step(inputs: Inputs) -> None:
        both = np.array(inputs.of_x + inputs.of_y)
        if isinstance(head, PartialFcHead):
            head.sample(both, next(updates))
        loss = head.loss(probe, inputs.x, inputs.y, both, torch.from_numpy(both)).total
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        head.commit()

    return step, head.bytes()


def spread(case: Case) -> list[int]:
    """An identity for every slot, spread over all numbers; none if there are no slots."""
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
