from __future__ import annotations

import numpy as np
import pytest
import torch

from f2c_trainer.errors import F2cError
from f2c_trainer.memory import telling_of_memory

from .support import config_of


def test_pytorch_without_memory() -> None:
    with pytest.raises(F2cError) as caught, telling_of_memory(config_of(head="fc")):
        torch.empty(2**50, dtype=torch.uint8)
    assert str(caught.value) == (
        "F2C_OUT_OF_MEMORY: The memory ran out: 1125899906842624 bytes more were asked for "
        '(CPU, 4 identities and 4 instances a step). Lower "identitiesPerStep" and "instancesPerStep" '
        '(and raise "accumulate" for it), or take "head": "dcp", which does not grow with the identities.'
    )


def test_numpy_without_memory() -> None:
    with pytest.raises(F2cError) as caught, telling_of_memory(config_of()):
        np.empty(2**50, dtype=np.uint8)
    assert caught.value.code == "F2C_OUT_OF_MEMORY"
    assert caught.value.fix.endswith('or "poolSize"')


def test_a_gpu_without_memory() -> None:
    words = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 79.10 GiB."
    with pytest.raises(F2cError) as caught, telling_of_memory(config_of()):
        raise torch.OutOfMemoryError(words)
    assert caught.value.what == "The memory ran out: 2.00 GiB more were asked for"


def test_other_errors_are_not_about_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes do not fit"), telling_of_memory(config_of()):
        raise RuntimeError("shapes do not fit")
