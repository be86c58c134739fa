"""Heads side by side where it matters: thousands of identities, equal probe images, tested on others never seen.

The identities are characters in eight fonts (`support/glyph_data.py`): 12,800 to train on, 2,000 others to test on.
This shows how the heads compare at scale; it says nothing about faces. All pairs of the unseen images are compared.
A run that was broken off goes on where it was, unless the code has changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from f2c_trainer.training import Training

IDENTITIES, UNSEEN = 12_800, 2_000
IMAGES = 163_840
FOLDER = Path(__file__).parent.parent / ".f2c" / "bench" / "glyphs"
FARS = (1e-4, 1e-5)

REFERENCE = {"head": "dcp", "outOfPoolHardest": 3}  # what the published code takes for pools of this size
VARIANTS: dict[str, dict[str, object]] = {
    "fc": {"head": "fc"},
    "partialFc 10 %": {"head": "partialFc", "sampleRate": 0.1},
    "dcp 30 %": {**REFERENCE, "poolRatio": 0.3},
    "dcp 10 %": {**REFERENCE, "poolRatio": 0.1},
    "dcp 3 %": {**REFERENCE, "poolRatio": 0.03},
    "dcp 1 %": {**REFERENCE, "poolSize": 128},
}
QUICK = ("fc", "partialFc 10 %", "dcp 10 %")
# What moves the pool's result: one change each to "dcp 10 %".
STUDY: dict[str, dict[str, object]] = {
    "as it is": {},
    "row 1 everywhere": {"secondRow": "everywhere"},
    "init reference": {"poolInit": "reference"},
    "out of pool x 0": {"outOfPoolWeight": 0.0},
    "out of pool x 4": {"outOfPoolWeight": 4.0},
    "out of pool x 32": {"outOfPoolWeight": 32.0},
    "hardest 32": {"outOfPoolHardest": 32},
    "identities 96 + 64": {"identitiesPerStep": 96, "instancesPerStep": 64},
    "identities 32 + 192": {"identitiesPerStep": 32, "instancesPerStep": 192},
    "gallery 0.9": {"galleryMomentum": 0.9},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three heads, one seed")
    parser.add_argument("--study", action="store_true", help="changes to one head instead of heads")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the trainer, for all")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these rows of the table")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--one", metavar="JSON", help="train and test once in this process")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(json.loads(options.one))))
        return

    from support.glyph_data import make

    make(FOLDER, IDENTITIES, UNSEEN)
    variants = {name: {**VARIANTS["dcp 10 %"], **change} for name, change in STUDY.items()}
    variants = variants if options.study else VARIANTS
    names = options.only or (QUICK if options.quick else list(variants))
    changes = {key: json.loads(value) for key, value in (one.split("=", 1) for one in options.set)}
    seeds = range(1 if options.quick else options.seeds)
    runs = [
        (name, {**variants[name], **changes, "images": options.images, "seed": seed})
        for seed in seeds
        for name in names
    ]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        measured = cores.map(measured_apart, [settings for _, settings in runs])
        for (name, settings), result in zip(runs, measured, strict=True):
            print(f"{name}, seed {settings['seed']}: {json.dumps(result)}", file=sys.stderr, flush=True)
            results[name].append(result)
    report(results, options.images)


def measured_apart(settings: dict[str, object]) -> dict[str, float]:
    """In a process of its own on one core, as in the product; what the same code has measured is kept."""
    key, kept = json.dumps({"code": code(), **settings}, sort_keys=True), FOLDER / "runs.jsonl"
    for line in kept.read_text().splitlines() if kept.exists() else []:
        if json.loads(line)[0] == key:
            return dict(json.loads(line)[1])
    command = [sys.executable, __file__, "--one", json.dumps(settings)]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    with kept.open("a") as file:
        file.write(json.dumps([key, result]) + "\n")
    return dict(result)


def code() -> str:
    """Digest of the trainer and of this file."""
    files = [*sorted((Path(__file__).parent.parent / "trainer" / "f2c_trainer").glob("*.py")), Path(__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def report(results: dict[str, list[dict[str, float]]], images: int) -> None:
    from support.bars import draw

    count = len(next(iter(results.values())))
    print(f"{IDENTITIES:,} identities, {images:,} probe images each, {UNSEEN:,} unseen identities, {count} seed(s)\n")
    print(f"{'':<24}{'TAR@FAR 1e-4':>16}{'TAR@FAR 1e-5':>16}{'training s':>12}{'head MiB':>10}")
    means, drawn = {}, {}
    for name, runs in results.items():
        means[name] = {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}
        spread = {key: statistics.pstdev(run[key] for run in runs) for key in runs[0]}
        drawn[name] = (means[name]["tar1e-4"], spread["tar1e-4"])
        tars = [f"{means[name][key]:.3f} ± {spread[key]:.3f}" for key in ("tar1e-4", "tar1e-5")]
        print(f"{name:<24}{tars[0]:>16}{tars[1]:>16}{means[name]['seconds']:>12.0f}{means[name]['headMiB']:>10.1f}")
    chart = FOLDER / "tar.svg"
    draw(chart, "TAR@FAR 1e-4 on unseen identities", drawn)
    print(f"\nThe chart: {chart}")
    ours = means.get("dcp 10 %", {}).get("tar1e-4")
    peers = {"dcp10OverFcTar1e4": "fc", "dcp10OverPartialFc10Tar1e4": "partialFc 10 %"}
    ratios = {key: round(ours / means[name]["tar1e-4"], 3) for key, name in peers.items() if ours and name in means}
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    print("\n" + json.dumps({"bench": "glyphs", "machine": machine, "ratios": ratios, "figures": {}}))


def measure(settings: dict[str, object]) -> dict[str, float]:
    """Trains once and compares all images of the unseen identities."""
    from contextlib import closing

    import torch

    from f2c_trainer.config import parse_config
    from f2c_trainer.training import Training

    torch.set_num_threads(1)
    config = parse_config({**DEFAULTS, **settings}, "bench")
    training = Training(config)
    began = time.monotonic()
    with closing(training.loaders.batches(0, training.steps)) as batches:
        for batch in batches:
            training.train_step(batch)
    seconds = time.monotonic() - began
    tars = accepted(*embed(training))
    return {**tars, "seconds": seconds, "headMiB": training.head.bytes() / 2**20}


def embed(training: Training) -> tuple[object, object]:
    """Unit embeddings of the test part, and the identity of each. [M, E], [M]"""
    import numpy as np
    import simplejpeg
    import torch

    from f2c_trainer.index import Index
    from f2c_trainer.pixels import network_input

    test = Index(FOLDER / "index", "test")
    content = (FOLDER / "shards" / test.shards[0]).read_bytes()
    images = np.stack(
        [
            simplejpeg.decode_jpeg(content[start : start + length], colorspace="RGB")
            for start, length in zip(test.offset.tolist(), test.length.tolist(), strict=True)
        ]
    )
    network = training.probe.eval()
    with torch.inference_mode():
        parts = [network(network_input(part)) for part in torch.split(torch.from_numpy(images), 256)]
    identity = np.repeat(np.arange(test.identities), np.diff(test.first))
    return torch.nn.functional.normalize(torch.cat(parts)), torch.from_numpy(identity)


def accepted(embeddings: object, identity: object) -> dict[str, float]:
    """True accept rates over all pairs, at the cosine that so many impostors exceed."""
    import torch

    assert isinstance(embeddings, torch.Tensor)
    assert isinstance(identity, torch.Tensor)
    genuine, impostor = [], []
    pairs = 0
    for start in range(0, len(embeddings), 1024):
        rows = slice(start, start + 1024)
        cosines = embeddings[rows] @ embeddings.T
        later = torch.arange(len(embeddings)) > torch.arange(len(embeddings))[rows, None]
        same = identity[rows, None] == identity
        genuine.append(cosines[later & same])
        others = cosines[later & ~same]
        pairs += len(others)
        impostor.append(others.topk(min(len(others), 20_000)).values)  # all that matter for these rates
    ranked = torch.cat(impostor).sort(descending=True).values
    own = torch.cat(genuine)
    return {
        f"tar{far:.0e}".replace("e-0", "e-"): (own > ranked[int(far * pairs)]).float().mean().item() for far in FARS
    }


DEFAULTS: dict[str, object] = {
    "margin": "cosface",
    "marginValue": 0.4,
    "scale": 32.0,
    "galleryMomentum": 0.99,
    "identitiesPerStep": 64,
    "instancesPerStep": 128,
    "backbone": "mbf",
    "width": 0.25,
    "embeddingSize": 128,
    "imageSize": 48,
    "learningRate": 0.1,
    "momentum": 0.9,
    "weightDecay": 5e-4,
    "warmup": 0.05,
    "augment": ["shift", "crop"],
    "checkpointEverySteps": 10**9,
    "work": str(FOLDER / "work"),
    "index": str(FOLDER / "index"),
    "shards": str(FOLDER / "shards"),
}


if __name__ == "__main__":
    main()
