"""The one typed description of a training. Its JSON file has the same names in camelCase."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Literal

from .errors import F2cError

Augmentation = Literal["flip", "shift", "crop", "brightness", "blur", "downscale", "jpeg", "occlusion"]


@dataclass(frozen=True, kw_only=True)
class Config:
    # Budget and head
    images: int  # probe images; 0 = the untrained network
    head: Literal["dcp", "partialFc", "fc"]
    margin: Literal["cosface", "arcface", "sv"]
    margin_value: float  # cosface, sv: a cosine; arcface: radians
    scale: float
    pool_ratio: float | None = None  # share of the training identities; 0.1 if pool_size is not given either
    pool_size: int | None = None  # slots
    pool_init: Literal["normal", "reference"] = "normal"
    second_row: Literal["hits", "everywhere"] = "hits"
    out_of_pool_weight: float = 1.0
    out_of_pool_hardest: int | None = None  # slots; None = the reference's number for this pool
    gallery_momentum: float  # share of the gallery network kept an update
    sample_rate: float = 0.1  # partialFc: share of the identities in an update's softmax, if its own are fewer
    # Batch
    identities_per_step: int
    instances_per_step: int
    shard_window: int | None = None  # shards whose instances are mixed at a time; None = all
    # Network
    backbone: Literal["mbf", "r18", "r34", "r50", "r100"]
    width: float  # factor of the number of channels
    embedding_size: int
    image_size: int  # pixels
    # Optimiser: an update is one of its steps
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float  # at its peak
    momentum: float  # of sgd, Nesterov's
    weight_decay: float
    decay_norms: bool = True  # or only what has more than one axis: no norms, biases, PReLU slopes
    clip_norm: float | None = None  # largest norm of the backbone's gradient
    accumulate: int = 1  # steps an update
    schedule: Literal["cosine", "polynomial", "step"] = "cosine"  # of the learning rate after the warm-up
    warmup: float  # share of the updates
    power: float = 1.0  # polynomial
    decay_at: tuple[float, ...] = (0.42, 0.74, 0.89)  # step: shares of the updates
    decay_factor: float = 0.1  # step
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"  # of the networks; weights and losses are fp32
    bn_groups: int | None = None  # of batch norm in the images of a pass, over all processes; None = one a process
    sync_batch_norm: bool = False  # one group over all processes; on GPUs alone
    gradient_compression: Literal["none", "bf16", "fp16"] = "none"  # what processes send gradients in
    compile: bool = False
    # The rest of what decides the weights
    augment: tuple[Augmentation, ...]
    decode_on: Literal["cpu", "gpu"] = "cpu"  # gpu: by nvJPEG, which needs torchvision
    seed: int
    # What does not
    checkpoint_every_steps: int
    checkpoint_every_seconds: float | None = 300.0  # whichever comes first; None = steps alone
    keep_last: int = 2  # checkpoints on disk; with `controlled`, those that wait for the starter to take them
    keep_every: int | None = None  # steps, of which the first checkpoint is kept as well
    stop_at_loss_rise: float | None = None  # times the smallest loss since the warm-up; None = NaN and infinity alone
    validate_every_steps: int | None = None  # and at the end; None = never
    validation_instances: int = 10_000  # at most
    work: str  # folder for events.jsonl, tensorboard/ and checkpoints/
    index: str  # folder
    shards: str  # folder
    init_from: str | None = None  # weights to begin with; see initial.py
    resume: str | None = None  # checkpoint folder
    threads: int | None = None  # of torch; None = one a core
    pool_sharding: bool = False  # each process holds its part of the pool's slots, instead of all
    loader_workers: int | None = None  # processes that decode; 0 = threads instead; None = as the machine is
    controlled: bool = False  # a parent holds our stdin and we die with it


# Keys that leave the weights as they are (threads and poolSharding only reorder sums): not written into a checkpoint.
_OUTSIDE = {
    *("checkpointEverySteps", "checkpointEverySeconds", "keepLast", "keepEvery"),
    *("stopAtLossRise", "validateEverySteps", "validationInstances"),
    *("work", "index", "shards", "initFrom", "resume", "threads", "poolSharding", "loaderWorkers", "controlled"),
}

_RANGES: dict[str, tuple[float, float]] = {
    "images": (0, math.inf),
    "marginValue": (0, 1),
    "galleryMomentum": (0, 1),
    "poolSize": (1, math.inf),
    "outOfPoolWeight": (0, math.inf),
    "outOfPoolHardest": (1, 2**10),
    "identitiesPerStep": (1, math.inf),
    "instancesPerStep": (0, math.inf),
    "shardWindow": (1, math.inf),
    "bnGroups": (1, math.inf),
    "width": (0.125, 4),
    "embeddingSize": (8, 4096),
    "imageSize": (16, 1024),
    "momentum": (0, 1),
    "weightDecay": (0, math.inf),
    "warmup": (0, 1),
    "accumulate": (1, math.inf),
    "checkpointEverySteps": (1, math.inf),
    "keepLast": (1, math.inf),
    "keepEvery": (1, math.inf),
    "validateEverySteps": (1, math.inf),
    "validationInstances": (2, math.inf),
    "seed": (0, 2**63 - 1),
    "threads": (1, 4096),
    "loaderWorkers": (0, 256),
}
_POSITIVE = {
    *("scale", "learningRate", "poolRatio", "sampleRate", "decayFactor", "clipNorm", "power"),
    *("checkpointEverySeconds", "stopAtLossRise"),
}
_SHARES = {"poolRatio", "sampleRate", "decayFactor"}


def load_config(path: str) -> Config:
    """Reads CONFIG.json; raises F2C_CONFIG_INVALID with all mistakes at once."""
    try:
        values = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise _invalid(f"The config file cannot be read: {error.strerror}", path) from error
    except ValueError as error:
        raise _invalid(f"The config file is not JSON: {error}", path) from error
    if not isinstance(values, dict):
        raise _invalid("The config file does not hold a JSON object", path)
    return parse_config(values, path)


def parse_config(values: dict[str, object], where: str) -> Config:
    fields = {camel(field.name): field for field in dataclasses.fields(Config)}
    hints = typing.get_type_hints(Config)
    problems: list[str] = []
    arguments: dict[str, object] = {}
    for key in values.keys() - fields.keys():
        near = get_close_matches(key, fields, n=1)
        problems.append(f'unknown key "{key}"' + (f', did you mean "{near[0]}"?' if near else ""))
    for key, field in fields.items():
        if key not in values:
            if field.default is dataclasses.MISSING:
                problems.append(f'"{key}" is missing')
            continue
        expected = hints[field.name]
        value = _fit(values[key], expected)
        if value is _MISFIT:
            problems.append(f'"{key}" must be {_in_words(expected)}, not {json.dumps(values[key])}')
        elif trouble := _out_of_range(key, value):
            problems.append(f'"{key}" must be {trouble}, not {json.dumps(values[key])}')
        arguments[field.name] = value
    if arguments.get("pool_ratio") is not None and arguments.get("pool_size") is not None:
        problems.append('give "poolRatio" or "poolSize", not both')
    if arguments.get("bn_groups") is not None and arguments.get("sync_batch_norm"):
        problems.append('give "bnGroups" or "syncBatchNorm", not both')
    if arguments.get("decode_on") == "gpu" and "jpeg" in typing.cast(tuple[str, ...], arguments.get("augment") or ()):
        problems.append('"decodeOn" must be "cpu" where "augment" has "jpeg", which no GPU makes')
    if problems:
        raise _invalid("; ".join(sorted(problems)), where)
    return Config(**arguments)  # type: ignore[arg-type]  # every value was fitted to its field above


def training_params(config: Config) -> dict[str, object]:
    """What decides the weights, in camelCase, as a checkpoint records it. No paths, nothing of the machine."""
    values = {camel(name): value for name, value in dataclasses.asdict(config).items()}
    return {key: value for key, value in values.items() if key not in _OUTSIDE}


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


_MISFIT = object()


def _fit(value: object, expected: object) -> object:
    """The value as the type, or _MISFIT. Whole numbers fit float; nothing else is converted."""
    origin, options = typing.get_origin(expected), typing.get_args(expected)
    if origin is Literal:
        return value if isinstance(value, str) and value in options else _MISFIT
    if origin is tuple:
        if not isinstance(value, list):
            return _MISFIT
        items = [_fit(item, options[0]) for item in value]
        return _MISFIT if _MISFIT in items else tuple(items)
    if origin is types.UnionType:
        return next((fit for option in options if (fit := _fit(value, option)) is not _MISFIT), _MISFIT)
    if expected is float and type(value) in (int, float):
        number = float(typing.cast(float, value))
        return number if math.isfinite(number) else _MISFIT
    return value if type(value) is expected else _MISFIT


def _in_words(expected: object) -> str:
    origin, options = typing.get_origin(expected), typing.get_args(expected)
    if origin is Literal:
        return " or ".join(f'"{option}"' for option in options)
    if origin is tuple:
        return f"a list of {_in_words(options[0])}"
    if origin is types.UnionType:
        return " or ".join(_in_words(option) for option in options)
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return names.get(typing.cast(type, expected), "null")


def _out_of_range(key: str, value: object) -> str | None:
    if key == "decayAt" and isinstance(value, tuple) and not _ascending(0.0, *value, 1.0):
        return "shares above 0 and below 1, ascending"
    if not isinstance(value, (int, float)):
        return None
    if key in _POSITIVE and value <= 0:
        return "above 0"
    if key in _SHARES and value > 1:
        return "at most 1"
    if key == "instancesPerStep" and value % 2:
        return "even"
    low, high = _RANGES.get(key, (-math.inf, math.inf))
    if low <= value <= high:
        return None
    return f"at least {low}" if high == math.inf else f"between {low} and {high}"


def _ascending(*numbers: float) -> bool:
    return all(one < other for one, other in pairwise(numbers))


def _invalid(what: str, where: str) -> F2cError:
    return F2cError("F2C_CONFIG_INVALID", what, where, "Correct the config and start again")
