"""What one training step of a classification head costs, by the number of identities N.

Forward, backward and update of the head alone, on embeddings that are given: dcp with a pool of C slots, fc with its
weight and momentum, both on 2 x 128 probe images of 512 numbers. Every size runs in a process of its own, so that
its peak memory is its own; sizes alternate over several rounds, and medians are told. Half of the gallery's
identities are drawn from those in the pool, so that every N sees the same mix of hits and misses.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # PyTorch is loaded by the processes that measure, not by the one that starts them
    from f2c_trainer.config import Config
    from f2c_trainer.dcp import DcpHead

PROBES, SIZE, SLOTS = 128, 512, 10_000
DCP_IDENTITIES = [10_000, 100_000, 1_000_000, 10_000_000, 1_000_000_000]
FC_IDENTITIES = [10_000, 100_000, 1_000_000]
ROUNDS, WARM_UP = 3, 2
STEPS = {"dcp": 10, "fc": 3}  # a step of fc takes many seconds at a million identities


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, metavar=("HEAD", "N"), help="measure one head in this process")
    one = parser.parse_args().one
    if one is not None:
        print(json.dumps(measure(one[0], int(one[1]))))
        return
    sizes = [("dcp", count) for count in DCP_IDENTITIES] + [("fc", count) for count in FC_IDENTITIES]
    measured: dict[tuple[str, int], list[dict[str, float]]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for head, count in sizes:
            command = [sys.executable, __file__, "--one", head, str(count)]
            measured[head, count].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    report(
        {size: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for size, runs in measured.items()}
    )


def report(median: dict[tuple[str, int], dict[str, float]]) -> None:
    print(f"{2 * PROBES} probe images a step, embeddings of {SIZE}, pool of {SLOTS} slots\n")
    print(f"{'head':<6}{'identities':>15}{'ms a step':>12}{'head MiB':>11}{'peak MiB':>11}")
    for (head, count), figures in median.items():
        print(f"{head:<6}{count:>15,}{figures['ms']:>12.1f}{figures['headMiB']:>11.1f}{figures['peakMiB']:>11.0f}")
    ratios = {
        "fcOverDcp1M": median["fc", 1_000_000]["ms"] / median["dcp", 1_000_000]["ms"],
        "timeN9OverN4": median["dcp", 10**9]["ms"] / median["dcp", 10**4]["ms"],
        "memoryN9OverN4": median["dcp", 10**9]["peakMiB"] / median["dcp", 10**4]["peakMiB"],
    }
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    rounded = {name: round(ratio, 3) for name, ratio in ratios.items()}
    print("\n" + json.dumps({"bench": "head", "machine": machine, "ratios": rounded, "figures": {}}))


def measure(head_name: str, identities: int) -> dict[str, float]:
    """Milliseconds a step (median), and memory in MiB, of one head in this process."""
    os.environ["OMP_WAIT_POLICY"] = "ACTIVE"
    import numpy as np
    import torch
    from torch import nn

    from f2c_trainer.dcp import DcpHead
    from f2c_trainer.fc import FcHead
    from f2c_trainer.schedule import build_optimizer

    class Given(nn.Module):
        """In the place of a network: the embeddings are given. The gallery's EMA needs one parameter."""

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
            return embeddings * self.scale

    torch.manual_seed(0)
    random = np.random.default_rng(0)
    config, device, probe = head_config(head_name), torch.device("cpu"), Given()
    head = FcHead(config, identities, device) if head_name == "fc" else DcpHead(config, probe, SLOTS, device)
    optimizer = build_optimizer([*probe.parameters(), *head.parameters().values()], config)
    if isinstance(head, DcpHead):
        fill(head, identities)

    def step() -> None:
        x, y = (torch.randn(PROBES, SIZE, requires_grad=True) for _ in range(2))
        fresh = random.integers(0, identities, PROBES)
        if isinstance(head, DcpHead):
            fresh[::2] = random.choice(head.slots.owner, PROBES // 2, replace=False)
        both = np.concatenate([fresh, fresh])
        loss = head.loss(probe, x, y, both, torch.from_numpy(both)).total
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        head.commit()

    times = []
    for number in range(WARM_UP + STEPS[head_name]):
        began = time.perf_counter()
        step()
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {"ms": 1000 * statistics.median(times), "headMiB": head.bytes() / 2**20, "peakMiB": peak}


def fill(head: DcpHead, identities: int) -> None:
    """Puts an identity into every slot, spread over all numbers."""
    import numpy as np
    import torch

    slots = len(head.slots.owner)
    owner = np.arange(slots, dtype=np.int64) * (identities // slots)
    head.slots.load({"owner": owner, "next_row": np.zeros_like(owner), "stamp": np.arange(slots, dtype=np.int64)})
    head.features = torch.nn.functional.normalize(torch.randn_like(head.features), dim=-1)


def head_config(head: str) -> Config:
    from f2c_trainer.config import parse_config

    values: dict[str, object] = {
        **{"images": 1, "head": head, "margin": "cosface", "marginValue": 0.4, "scale": 32.0, "poolSize": SLOTS},
        **{"galleryMomentum": 0.99, "identitiesPerStep": 64, "instancesPerStep": 128, "backbone": "mbf", "width": 1.0},
        **{"embeddingSize": SIZE, "imageSize": 112, "learningRate": 0.1, "momentum": 0.9, "weightDecay": 5e-4},
        **{"warmup": 0.0, "augment": [], "seed": 0, "checkpointEverySteps": 1, "work": "", "index": "", "shards": ""},
    }
    return parse_config(values, "bench")


if __name__ == "__main__":
    main()
