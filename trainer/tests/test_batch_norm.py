from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from f2c_trainer.backbone import build_backbone
from f2c_trainer.batch_norm import arrange_batch_norm, check_shares
from f2c_trainer.config import parse_config
from f2c_trainer.distributed import ALONE
from f2c_trainer.errors import F2cError
from f2c_trainer.index import Index
from f2c_trainer.order import Order

from .support import settings


def order_of(data: Path, **changes: object) -> Order:
    """12 images a pass."""
    sizes = {"identitiesPerStep": 6, "instancesPerStep": 12, **changes}
    return Order(Index(data / "index", "train"), parse_config(settings(data, data, **sizes), "test"))


def arranged(data: Path, network: nn.Module, **changes: object) -> nn.Module:
    return arrange_batch_norm(network, order_of(data), parse_config(settings(data, data, **changes), "test"), ALONE)


def parts_of(network: nn.Module) -> dict[str, Tensor]:
    """Weights, and running statistics, by name."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


@pytest.mark.parametrize("shape", [(12, 5), (12, 5, 3, 3)])
def test_each_group_is_normalised_by_itself(data: Path, shape: tuple[int, ...]) -> None:
    plain = nn.Sequential(nn.BatchNorm2d(5) if len(shape) == 4 else nn.BatchNorm1d(5)).double()
    for parameter in plain.parameters():
        nn.init.normal_(parameter)
    grouped = arranged(data, copy.deepcopy(plain), bnGroups=3)
    assert parts_of(grouped).keys() == parts_of(plain).keys()
    images = torch.randn(shape, dtype=torch.float64)
    each = [copy.deepcopy(plain) for _ in range(3)]
    expected = torch.cat([one(group) for one, group in zip(each, torch.split(images, 4), strict=True)])
    found = grouped(images)
    assert torch.allclose(found, expected, rtol=1e-12)

    towards = torch.randn(shape, dtype=torch.float64)
    torch.autograd.backward([(expected * towards).sum(), (found * towards).sum()])
    for name, parameter in grouped.named_parameters():
        gradients = [dict(one.named_parameters())[name].grad for one in each]
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, torch.stack([one for one in gradients if one is not None]).sum(0))
    for name, buffer in grouped.named_buffers():
        mean = torch.stack([dict(one.named_buffers())[name] for one in each]).double().mean(0)
        assert torch.allclose(buffer.double(), mean, rtol=1e-12), name

    plain.load_state_dict(grouped.state_dict())
    assert torch.equal(grouped.eval()(images), plain.eval()(images))


def test_the_gradient_reaches_the_images_group_by_group(data: Path) -> None:
    grouped = arranged(data, nn.Sequential(nn.BatchNorm1d(5)).double(), bnGroups=3)
    images = torch.randn(12, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(grouped, images)
    [gradient] = torch.autograd.grad((grouped(images)[:4] ** 3).sum(), images)
    assert gradient[:4].abs().min() > 0
    assert gradient[4:].abs().max() == 0


def test_one_group_is_plain_batch_norm(data: Path) -> None:
    network = build_backbone("r18", width=0.25, embedding_size=16, image_size=32)
    grouped = arranged(data, copy.deepcopy(network), bnGroups=1)
    images = torch.randn(12, 3, 32, 32)
    assert torch.equal(grouped(images), network(images))
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert frozen == [name for name, parameter in grouped.named_parameters() if not parameter.requires_grad]
    for (name, mine), theirs in zip(grouped.state_dict().items(), network.state_dict().values(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-6), name


@pytest.mark.parametrize(
    ("groups", "world", "message"),
    [
        (
            *(None, 5),
            "F2C_CONFIG_INVALID: The training was started with 5 processes, but their number must divide the 12 images "
            "of a pass (identitiesPerStep + instancesPerStep / 2), two for each at least (batch norm and the number of "
            'processes). Start 1, 2, 3, 4 or 6 processes, or change "identitiesPerStep" or "instancesPerStep".',
        ),
        (
            *(6, 4),
            'F2C_CONFIG_INVALID: "bnGroups" is 6, but must divide the 12 images of a pass (identitiesPerStep + '
            "instancesPerStep / 2), two for each at least, and be a multiple of the number of processes, 4 (batch norm "
            'and the number of processes). Set "bnGroups" to 4, or start 1, 2, 3 or 6 processes.',
        ),
        (
            *(5, 2),
            'F2C_CONFIG_INVALID: "bnGroups" is 5, but must divide the 12 images of a pass (identitiesPerStep + '
            "instancesPerStep / 2), two for each at least, and be a multiple of the number of processes, 2 (batch norm "
            'and the number of processes). Set "bnGroups" to 2, 4 or 6.',
        ),
    ],
)
def test_what_does_not_fit_names_what_would(data: Path, groups: int | None, world: int, message: str) -> None:
    config = parse_config(settings(data, data, bnGroups=groups), "test")
    with pytest.raises(F2cError) as caught:
        check_shares(order_of(data), config, world)
    assert str(caught.value) == message


def test_what_fits_is_taken(data: Path) -> None:
    for groups, world in ((None, 1), (None, 6), (6, 1), (6, 2), (6, 6), (4, 2)):
        check_shares(order_of(data), parse_config(settings(data, data, bnGroups=groups), "test"), world)


def test_batch_norm_over_processes_needs_gpus(data: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(F2cError) as caught:
        arranged(data, nn.Sequential(nn.BatchNorm2d(5)), syncBatchNorm=True)
    assert str(caught.value) == (
        'F2C_CONFIG_INVALID: "syncBatchNorm" needs GPUs (batch norm and the number of processes). Leave it out, or set '
        '"bnGroups".'
    )
