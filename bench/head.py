"""What one training step of a classification head costs, by the number of identities N and of slots C.

Forward, backward and update of the head alone, on embeddings that are given: 128 probes a pass, two passes, 512
numbers each. fc and partialFc get the same 256 probes. Half of the identities of a batch are drawn from the pool, so
that every N sees the same mix of hits and misses. At equal C the step is held against the published code's way
(`peers/ffc.py`) and against the two bare products that it cannot do without. Every case runs in a process of its own,
so that its peak memory is its own; cases alternate over several rounds, and medians are told.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # PyTorch is loaded by the processes that measure, not by the one that starts them
    from f2c_trainer.config import Config
    from f2c_trainer.dcp import DcpHead
    from f2c_trainer.head import Head

PROBES, SIZE, SLOTS = 128, 512, 10_000
MARGIN, SCALE = 0.4, 32.0
ROUNDS, WARM_UP = 3, 2
SLOW = {"fc": 2, "partialFc": 5, "FFC": 5, "FFC, topk": 5}  # steps measured, where one may take seconds
STEPS = 10


class Case(NamedTuple):
    head: str
    slots: int
    identities: int


BY_IDENTITIES = [Case("dcp", SLOTS, n) for n in (10_000, 100_000, 1_000_000, 10_000_000, 1_000_000_000)]
FULL = [Case(head, 0, n) for n in (10_000, 100_000, 1_000_000) for head in ("partialFc", "fc")]
BY_SLOTS = [Case("dcp", slots, 1_000_000) for slots in (30_000, 100_000, 300_000)]
PEERS = [Case(head, slots, 1_000_000) for slots in (10_000, 100_000) for head in ("bare products", "FFC", "FFC, topk")]
CASES = BY_IDENTITIES + FULL + BY_SLOTS + PEERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--one",
        nargs=3,
        metavar=("HEAD", "SLOTS", "N"),
        help="measure one case in this process",
    )
    one = parser.parse_args().one
    if one is not None:
        print(json.dumps(measure(Case(one[0], int(one[1]), int(one[2])))))
        return
    measured: dict[Case, list[dict[str, float]]] = {case: [] for case in CASES}
    for _ in range(ROUNDS):
        for case in CASES:
            command = [
                sys.executable,
                __file__,
                "--one",
                case.head,
                str(case.slots),
                str(case.identities),
            ]
            measured[case].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    report(
        {case: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for case, runs in measured.items()}
    )


def report(median: dict[Case, dict[str, float]]) -> None:
    print(f"{2 * PROBES} probe images a step, embeddings of {SIZE}\n")
    print(f"{'head':<15}{'slots':>9}{'identities':>15}{'ms a step':>12}{'head MiB':>11}{'peak MiB':>11}")
    for case, figures in median.items():
        slots = f"{case.slots:,}" if case.slots else "-"
        print(
            f"{case.head:<15}{slots:>9}{case.identities:>15,}{figures['ms']:>12.1f}{figures['headMiB']:>11.1f}"
            f"{figures['peakMiB']:>11.0f}"
        )

    def over(one: Case, other: Case, key: str = "ms") -> float:
        return round(median[one][key] / median[other][key], 3)

    million, far, near = (
        Case("dcp", SLOTS, 1_000_000),
        BY_IDENTITIES[-1],
        BY_IDENTITIES[0],
    )
    large = Case("dcp", 100_000, 1_000_000)
    ratios = {
        "fcOverDcp1M": over(Case("fc", 0, 1_000_000), million),
        "partialFcOverDcp1M": over(Case("partialFc", 0, 1_000_000), million),
        "ffcOverDcp10k": over(Case("FFC", 10_000, 1_000_000), million),
        "ffcOverDcp100k": over(Case("FFC", 100_000, 1_000_000), large),
        "topkOverDcp": over(Case("FFC, topk", 10_000, 1_000_000), million),
        "topkOverDcp100k": over(Case("FFC, topk", 100_000, 1_000_000), large),
        "dcpOverMatmul10k": over(million, Case("bare products", 10_000, 1_000_000)),
        "dcpOverMatmul100k": over(large, Case("bare products", 100_000, 1_000_000)),
        "timeN9OverN4": over(far, near),
        "memoryN9OverN4": over(far, near, "peakMiB"),
    }
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
    }
    print("\n" + json.dumps({"bench": "head", "machine": machine, "ratios": ratios, "figures": {}}))


def measure(case: Case) -> dict[str, float]:
    """Milliseconds a step (median), and memory in MiB, of one case in this process."""
    os.environ["OMP_WAIT_POLICY"] = "ACTIVE"
    import torch

    torch.manual_seed(0)
    if case.head == "bare products":
        step, size = bare_products(case.slots)
    elif case.head.startswith("FFC"):
        step, size = published(case)
    else:
        step, size = ours(case)
    times = []
    for number in range(WARM_UP + SLOW.get(case.head, STEPS)):
        began = time.perf_counter()
        step()
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {
        "ms": 1000 * statistics.median(times),
        "headMiB": size / 2**20,
        "peakMiB": peak,
    }


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


if __name__ == "__main__":
    main()
