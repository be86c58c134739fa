"""What several processes send each other in a step, and what each of them holds: with the whole pool, and with a part.

A small MobileFaceNet with a full pool of 200,000 slots of 256 numbers, in processes of torchrun with gloo, on a thread
each. What a process sends is what the system counts as written by it (`wchar` in /proc/self/io), which takes in gloo's
sockets; nothing else is written meanwhile. The least is what the method cannot do without: every process receives the
features of the others' images, and gradients are added up as in a ring. Linux only.
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
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from f2c_trainer.config import Config
    from f2c_trainer.training import Training

SLOTS, SIZE, IDENTITIES, IMAGE_SIZE = 200_000, 256, 400_000, 32
PAIRS, SINGLES = 64, 128  # identities and instances a step
STEPS, WARM_UP = 4, 1


class Case(NamedTuple):
    world: int
    sharded: bool

    def __str__(self) -> str:
        return f"{self.world}, {'a part of the pool each' if self.sharded else 'the whole pool each'}"


CASES = [Case(1, False), Case(2, False), Case(2, True), Case(4, False), Case(4, True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "SHARDED"), help="measure in the processes of a torchrun")
    one = parser.parse_args().one
    if one is not None:
        measure(Path(one[0]), sharded=one[1] == "sharded")
        return
    with tempfile.TemporaryDirectory() as folder:
        write_index(Path(folder))
        report({case: start(Path(folder), case) for case in CASES})


def start(folder: Path, case: Case) -> dict[str, float]:
    """Of all processes: bytes together, the most of the rest."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(case.world)]
    mode = "sharded" if case.sharded else "whole"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, __file__, "--one", str(folder), mode], check=True, capture_output=True, env=environment)
    ranks = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(case.world)]
    most = {name: max(rank[name] for rank in ranks) for name in ranks[0]}
    return {**most, "sent": sum(rank["sent"] for rank in ranks)}


def report(figures: dict[Case, dict[str, float]]) -> None:
    print(f"{2 * PAIRS + SINGLES} probe images a step, {SLOTS:,} slots x {SIZE}; MiB are those of one process\n")
    print(f"{'processes':<28}{'sent a step':>13}{'least':>11}{'over it':>9}{'pool':>10}{'peak':>10}{'ms a step':>11}")
    for case, found in figures.items():
        over = f"{found['sent'] / least(case, found):.3f}" if case.world > 1 else "-"
        print(
            f"{case!s:<28}{found['sent'] / 2**20:>9.2f} MiB{least(case, found) / 2**20:>7.2f} MiB{over:>9}"
            f"{found['poolMiB']:>6.0f} MiB{found['peakMiB']:>6.0f} MiB{found['ms']:>11.0f}"
        )
    whole, part = figures[Case(4, False)], figures[Case(4, True)]
    ratios = {
        "bytesOverLeast": round(whole["sent"] / least(Case(4, False), whole), 4),
        "bytesOverLeast2": round(figures[Case(2, False)]["sent"] / least(Case(2, False), figures[Case(2, False)]), 4),
        "shardedBytesOverLeast": round(part["sent"] / least(Case(4, True), part), 4),
        "shardedMemoryOverReplicated": round(part["peakMiB"] / whole["peakMiB"], 4),
        "shardedPoolOverReplicated": round(part["poolMiB"] / whole["poolMiB"], 4),
    }
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    rounded = {str(case): {name: round(value, 1) for name, value in found.items()} for case, found in figures.items()}
    print("\n" + json.dumps({"bench": "processes", "machine": machine, "ratios": ratios, "figures": rounded}))


def least(case: Case, found: dict[str, float]) -> float:
    """Bytes that all processes send in a step at the least."""
    features = (case.world - 1) * (2 * PAIRS + SINGLES) * SIZE * 4
    gradients = 2 * (case.world - 1) * found["parameters"] * 4
    return features + gradients


def measure(folder: Path, *, sharded: bool) -> None:
    """In one process: steps of a training whose pool is full."""
    import torch

    from f2c_trainer.distributed import Processes
    from f2c_trainer.training import Training

    torch.set_num_threads(1)
    processes = Processes.joined()
    training = Training(training_config(folder, sharded=sharded), processes)
    fill(training)
    times, sent = [], []
    with closing(training.loaders.batches(0, WARM_UP + STEPS)) as batches:
        for batch in batches:
            processes.wait_for_all()
            began, before = time.perf_counter(), written()
            training.train_step(batch)
            times.append(time.perf_counter() - began)
            sent.append(written() - before)
    features = training.head.share() or training.head.state()
    found = {
        "sent": statistics.mean(sent[WARM_UP:]),
        "poolMiB": features["pool.features"].nbytes / 2**20,
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "ms": 1000 * statistics.median(times[WARM_UP:]),
        "parameters": sum(one.numel() for one in training.optimization.trained.values()),
    }
    (folder / f"{processes.rank}.json").write_text(json.dumps(found))
    processes.wait_for_all()
    processes.leave()


def written() -> int:
    """Bytes that this process has written so far, to sockets as well."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def fill(training: Training) -> None:
    """Gives every slot an identity and a feature, as after many steps."""
    import numpy as np
    import torch

    from f2c_trainer.dcp import DcpHead

    head = training.head
    assert isinstance(head, DcpHead)
    numbers = np.arange(SLOTS, dtype=np.int64)
    head.slots.load({"owner": numbers, "next_row": numbers * 0 + 1, "twice": numbers < 0, "stamp": numbers.copy()})
    head.features.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    for row in head.features:
        for part in torch.split(row, 4096):
            part.copy_(torch.nn.functional.normalize(part))


def write_index(folder: Path) -> None:
    """One instance of every identity, all of which are one of 64 images of noise."""
    import numpy as np
    import simplejpeg

    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (64, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    jpegs = [simplejpeg.encode_jpeg(image, quality=90, colorspace="RGB") for image in noise]
    length = np.array([len(jpeg) for jpeg in jpegs])
    which = np.arange(IDENTITIES) % len(jpegs)
    arrays = {
        "shard": np.zeros(len(which), dtype=np.uint32),
        "offset": (np.cumsum(length) - length)[which],
        "length": length[which].astype(np.uint32),
        "first": np.arange(IDENTITIES + 1),
        "identity": np.arange(IDENTITIES),
    }
    for name, array in arrays.items():
        np.save(folder / f"train.{name}.npy", array)
    (folder / "shard.tar").write_bytes(b"".join(jpegs))
    (folder / "index.json").write_text(json.dumps({"imageSize": IMAGE_SIZE, "shards": ["shard.tar"]}))


def training_config(folder: Path, *, sharded: bool) -> Config:
    from f2c_trainer.config import parse_config

    values: dict[str, object] = {
        **{"images": 10**6, "head": "dcp", "margin": "cosface", "marginValue": 0.4, "scale": 32, "poolSize": SLOTS},
        **{"galleryMomentum": 0.99, "identitiesPerStep": PAIRS, "instancesPerStep": SINGLES, "backbone": "mbf"},
        **{"width": 0.125, "embeddingSize": SIZE, "imageSize": IMAGE_SIZE, "learningRate": 0.1, "momentum": 0.9},
        **{"weightDecay": 5e-4, "warmup": 0, "augment": ["flip"], "seed": 0, "checkpointEverySteps": 10**6},
        **{"poolSharding": sharded, "work": str(folder), "index": str(folder), "shards": str(folder)},
    }
    return parse_config(values, "bench")


if __name__ == "__main__":
    main()
