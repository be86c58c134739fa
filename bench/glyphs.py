"""Heads side by side where it matters: thousands of identities, equal probe images, tested on others never seen.

The identities are characters in eight fonts (`support/glyph_data.py`): 12,800 to train on, 2,000 others to test on.
This shows how the heads compare at scale; it says nothing about faces. All pairs of the unseen images are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from f2c_trainer.training import Training

IDENTITIES, UNSEEN = 12_800, 2_000
IMAGES, IMAGES_QUICK = 409_600, 163_840
FOLDER = Path(__file__).parent.parent / ".f2c" / "bench" / "glyphs"
FARS = (1e-4, 1e-5)

VARIANTS: dict[str, dict[str, object]] = {
    "fc": {"head": "fc"},
    "partialFc 10 %": {"head": "partialFc", "sampleRate": 0.1},
    "dcp 30 %": {"head": "dcp", "poolRatio": 0.3},
    "dcp 10 %": {"head": "dcp", "poolRatio": 0.1},
    "dcp 3 %": {"head": "dcp", "poolRatio": 0.03},
    "dcp 1 %": {"head": "dcp", "poolSize": 128},
}
QUICK = ("fc", "partialFc 10 %", "dcp 10 %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three heads, one seed, a smaller budget")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the trainer, for all")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), metavar="HEAD", choices=list(VARIANTS))
    parser.add_argument("--images", type=int, default=None)
    parser.add_argument("--one", metavar="JSON", help="train and test once in this process")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(json.loads(options.one))))
        return

    from support.glyph_data import make

    make(FOLDER, IDENTITIES, UNSEEN)
    names = QUICK if options.quick else options.only
    images = options.images or (IMAGES_QUICK if options.quick else IMAGES)
    changes = {key: json.loads(value) for key, value in (one.split("=", 1) for one in options.set)}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for seed in range(1 if options.quick else options.seeds):
        for name in names:
            settings = {**VARIANTS[name], **changes, "images": images, "seed": seed}
            command = [sys.executable, __file__, "--one", json.dumps(settings)]
            results[name].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    report(results, images)


def report(results: dict[str, list[dict[str, float]]], images: int) -> None:
    from support.bars import draw

    count = len(next(iter(results.values())))
    print(f"{IDENTITIES:,} identities, {images:,} probe images each, {UNSEEN:,} unseen identities, {count} seed(s)\n")
    print(f"{'head':<16}{'TAR@FAR 1e-4':>16}{'TAR@FAR 1e-5':>16}{'training s':>12}{'head MiB':>10}")
    means, drawn = {}, {}
    for name, runs in results.items():
        means[name] = {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}
        spread = {key: statistics.pstdev(run[key] for run in runs) for key in runs[0]}
        drawn[name] = (means[name]["tar1e-4"], spread["tar1e-4"])
        tars = [f"{means[name][key]:.3f} ± {spread[key]:.3f}" for key in ("tar1e-4", "tar1e-5")]
        print(f"{name:<16}{tars[0]:>16}{tars[1]:>16}{means[name]['seconds']:>12.0f}{means[name]['headMiB']:>10.1f}")
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

    torch.set_num_threads(os.cpu_count() or 1)
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

    from f2c_trainer.augment import to_input
    from f2c_trainer.index import Index

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
        parts = [network(to_input(part)) for part in torch.split(torch.from_numpy(images), 256)]
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
    "augment": ["shift"],
    "checkpointEverySteps": 10**9,
    "work": str(FOLDER / "work"),
    "index": str(FOLDER / "index"),
    "shards": str(FOLDER / "shards"),
}


if __name__ == "__main__":
    main()
