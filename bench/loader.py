"""What feeding a training costs: images a second against bare decoding, a step against one on data in memory.

JPEGs of 112 x 112 pixels and 5 to 8 KB, 256 of them a step. Bare decoding has the bytes in memory and does nothing
else, with a thread or a process a core, whichever is faster; the library makes each array. In place, it is always the
same memory, so aligned as the loader's (edits.py), which is faster: the most that a loader can reach. The loader reads
the bytes by range in the order of a training, with threads or with a process a core, and makes all changes of bytes
that are asked for; brightness is measured with the conversion to floats. The first step is that of an index as large as
WebFace42M, from the start of Python on, all imports of the trainer included but no network. Every measurement is a
process of its own; they alternate over several rounds, and medians are told. What is compared with bare decoding is
compared within each round, since a machine's speed changes from one to the next.
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
from collections.abc import Callable

from support import loader_cases as cases

INSTANCES, IDENTITIES = 42_474_557, 2_059_906
ROUNDS = 5
FLIP = ["flip"]

MEASURES: dict[str, Callable[[], dict[str, float]]] = {
    "bare decoding, threads": lambda: cases.bare("threads", cases.decode),
    "bare decoding, processes": lambda: cases.bare("processes", cases.decode),
    "decoding in place, processes": lambda: cases.bare("processes", cases.decode_in_place),
    "loader, threads": lambda: cases.loaded(0, []),
    "loader, processes": lambda: cases.loaded(cases.CORES, []),
    "with flips, threads": lambda: cases.loaded(0, FLIP),
    "with flips, processes": lambda: cases.loaded(cases.CORES, FLIP),
    "with all changes, threads": lambda: cases.loaded(0, cases.CHANGES),
    "with all changes, processes": lambda: cases.loaded(cases.CORES, cases.CHANGES),
    "floats of bytes, one core": lambda: cases.floats([]),
    "floats of bytes, brightness": lambda: cases.floats(["brightness"]),
    "training, threads": lambda: cases.trained(0),
    "training, processes": lambda: cases.trained(1),
    "first step": cases.first_step,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these measurements, without the ratios")
    parser.add_argument("--one", metavar="NAME", help="one measurement in this process")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(MEASURES[options.one]()))
        return

    from support.face_data import make, make_large

    make(cases.FOLDER)
    make_large(cases.FOLDER, INSTANCES, IDENTITIES)
    names = options.only or list(MEASURES)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            runs[name].append(measured_apart(name))
            print(f"{name}: {json.dumps(runs[name][-1])}", file=sys.stderr, flush=True)
    if options.only is None:
        report(runs)


def measured_apart(name: str) -> dict[str, float]:
    began = time.time()
    command = [sys.executable, __file__, "--one", name]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if "ready" in result:
        result["firstStepSeconds"] = result.pop("ready") - began
    return result


def report(runs: dict[str, list[dict[str, float]]]) -> None:
    medians = {
        name: {key: statistics.median(run[key] for run in some) for key in some[0]} for name, some in runs.items()
    }
    speeds = {
        name: [run["imagesPerSecond"] for run in some] for name, some in runs.items() if "imagesPerSecond" in some[0]
    }
    bare = fastest(speeds, "bare decoding")
    print(f"{'':<44}{'images/s':>10}{'of bare decoding':>18}")
    for name, speed in speeds.items():
        print(f"{name:<44}{statistics.median(speed):>10,.0f}{over(speed, bare):>18.3f}")
    print(f"\n{'':<44}{'s a step':>10}{'of one in memory':>18}")
    for name in ("training, threads", "training, processes"):
        print(f"{name:<44}{medians[name]['seconds']:>10.3f}{medians[name]['overInMemory']:>18.3f}")
    first = medians["first step"]
    print(f"\n{INSTANCES:,} instances, {IDENTITIES:,} identities")
    print(f"{'from the start to the first images':<44}{first['firstStepSeconds']:>10.2f} s")
    print(f"{'memory without mapped files':<44}{first['hostMiB']:>10.0f} MiB")
    print(f"{'the order of one step':<44}{first['orderMilliseconds']:>10.2f} ms")

    ratios = {
        "loaderOverDecode": round(over(fastest(speeds, "with flips"), bare), 3),
        "augmentedOverDecode": round(over(fastest(speeds, "with all changes"), bare), 3),
        "stepOverInMemory": round(medians["training, threads"]["overInMemory"], 3),  # as it is without a GPU
    }
    figures = {key: round(value, 2) for key, value in first.items()}
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    print("\n" + json.dumps({"bench": "loader", "machine": machine, "ratios": ratios, "figures": figures}))


def fastest(speeds: dict[str, list[float]], name: str) -> list[float]:
    """Of each round, with threads or with processes."""
    return [max(pair) for pair in zip(speeds[f"{name}, threads"], speeds[f"{name}, processes"], strict=True)]


def over(speed: list[float], bare: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(speed, bare, strict=True))


if __name__ == "__main__":
    main()
