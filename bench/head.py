"""What one training step of a classification head costs, by the number of identities N and of slots C.

Forward, backward and update of the head alone, on embeddings that are given: 128 probes a pass, two passes, 512
numbers each. fc and partialFc get the same 256 probes. Half of the identities of a batch are drawn from the pool, so
that every N sees the same mix of hits and misses. At equal C the step is held against the published code's way
(`peers/ffc.py`) and against the two bare products that it cannot do without. Every case runs in a process of its own,
so that its peak memory is its own; cases alternate over several rounds, and medians are told.
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

from support.head_steps import PROBES, SIZE, Case, bare_products, batches, ours, published

SLOTS = 10_000
ROUNDS, WARM_UP = 3, 2
SLOW = {"fc": 2, "partialFc": 5, "FFC": 5, "FFC, topk": 5}  # steps measured, where one may take seconds
STEPS = 10

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
    draw, times = batches(case), []
    for number in range(WARM_UP + SLOW.get(case.head, STEPS)):
        inputs = draw()
        began = time.perf_counter()
        step(inputs)
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {
        "ms": 1000 * statistics.median(times),
        "headMiB": size / 2**20,
        "peakMiB": peak,
    }


if __name__ == "__main__":
    main()
