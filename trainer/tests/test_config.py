from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from f2c_trainer.config import load_config, parse_config, training_params
from f2c_trainer.errors import F2cError

from .support import settings

GOOD = settings(Path("/data"), Path("/work"))
CHANGES = '"flip" or "shift" or "crop" or "brightness" or "blur" or "downscale" or "jpeg" or "occlusion"'


def problems(**changes: Any) -> str:
    with pytest.raises(F2cError) as caught:
        parse_config({**GOOD, **changes}, "config.json")
    assert (caught.value.code, caught.value.where) == ("F2C_CONFIG_INVALID", "config.json")
    return caught.value.what


def test_a_good_config() -> None:
    config = parse_config({**GOOD, "scale": 32, "poolSize": None, "poolRatio": 1}, "config.json")
    assert config.scale == 32.0
    assert isinstance(config.scale, float)
    assert config.pool_ratio == 1.0
    assert config.augment == ("flip", "shift", "brightness")
    assert (config.resume, config.controlled) == (None, False)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"learingRate": 1}, 'unknown key "learingRate", did you mean "learningRate"?'),
        ({"zzz": 1}, 'unknown key "zzz"'),
        ({"images": 1.5}, '"images" must be a whole number, not 1.5'),
        ({"images": True}, '"images" must be a whole number, not true'),
        ({"images": -1}, '"images" must be at least 0, not -1'),
        ({"scale": "32"}, '"scale" must be a number, not "32"'),
        ({"scale": 0}, '"scale" must be above 0, not 0'),
        ({"head": "pfc"}, '"head" must be "dcp" or "partialFc" or "fc", not "pfc"'),
        ({"augment": ["flop"]}, f'"augment" must be a list of {CHANGES}, not ["flop"]'),
        (
            {"augment": ["jpeg"], "decodeOn": "gpu"},
            '"decodeOn" must be "cpu" where "augment" has "jpeg", which no GPU makes',
        ),
        ({"augment": "flip"}, f'"augment" must be a list of {CHANGES}, not "flip"'),
        ({"instancesPerStep": 3}, '"instancesPerStep" must be even, not 3'),
        ({"marginValue": 1.5}, '"marginValue" must be between 0 and 1, not 1.5'),
        ({"poolSize": "9"}, '"poolSize" must be a whole number or null, not "9"'),
        ({"poolRatio": 2, "poolSize": None}, '"poolRatio" must be at most 1, not 2'),
        ({"sampleRate": 1.5}, '"sampleRate" must be at most 1, not 1.5'),
        ({"clipNorm": 0}, '"clipNorm" must be above 0, not 0'),
        ({"accumulate": 0}, '"accumulate" must be at least 1, not 0'),
        ({"decayAt": [0.5, 0.4]}, '"decayAt" must be shares above 0 and below 1, ascending, not [0.5, 0.4]'),
        ({"decayAt": [0.5, 0.5]}, '"decayAt" must be shares above 0 and below 1, ascending, not [0.5, 0.5]'),
        ({"decayAt": [0.5, 1]}, '"decayAt" must be shares above 0 and below 1, ascending, not [0.5, 1]'),
        ({"decayAt": 0.5}, '"decayAt" must be a list of a number, not 0.5'),
        ({"precision": "tf32"}, '"precision" must be "fp32" or "bf16" or "fp16", not "tf32"'),
        ({"poolRatio": 0.5, "poolSize": 7}, 'give "poolRatio" or "poolSize", not both'),
        ({"controlled": 1}, '"controlled" must be true or false, not 1'),
        ({"weightDecay": float("nan")}, '"weightDecay" must be a number, not NaN'),
    ],
)
def test_one_mistake(changes: dict[str, Any], what: str) -> None:
    assert problems(**changes) == what


def test_all_mistakes_at_once() -> None:
    values = {**GOOD, "images": "many", "sede": 1}
    del values["seed"]
    with pytest.raises(F2cError) as caught:
        parse_config(values, "config.json")
    assert str(caught.value) == (
        'F2C_CONFIG_INVALID: "images" must be a whole number, not "many"; "seed" is missing; '
        'unknown key "sede", did you mean "seed"? (config.json). Correct the config and start again.'
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            "{",
            "The config file is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("[]", "The config file does not hold a JSON object"),
    ],
)
def test_a_file_that_is_no_config(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(F2cError) as caught:
        load_config(str(path))
    assert caught.value.what == what


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(F2cError) as caught:
        load_config(str(tmp_path / "config.json"))
    assert caught.value.what == "The config file cannot be read: No such file or directory"


def test_training_params_hold_no_path_and_nothing_of_the_machine() -> None:
    params = training_params(parse_config(GOOD, "config.json"))
    assert {"images", "poolRatio", "secondRow", "seed"} <= params.keys()
    assert params.keys().isdisjoint({"checkpointEverySteps", "work", "index", "shards", "resume", "threads"})
    assert "/" not in json.dumps(params)
