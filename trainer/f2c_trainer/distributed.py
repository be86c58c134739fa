"""The processes of one training, as torchrun starts them: what they send each other, and how they agree.

Each has its part of every batch; all of them hold the same weights and make the same plans out of the same integers.
On the wire are embeddings, gradients and a few numbers. With one process nothing is sent.
"""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from .errors import F2cError

if typing.TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

_GONE = re.compile("connection|broken pipe|timed? ?out|nccl", re.IGNORECASE)  # in what a collective raises

Number = typing.TypeVar("Number", bound=np.generic)


class PeerLostError(RuntimeError):
    """Another process has ended. What it says, or torchrun about it, is the cause."""


class Processes:
    """This process among the W of a training."""

    def __init__(self, rank: int = 0, world: int = 1, store: Store | None = None) -> None:
        self.rank, self.world, self._store = rank, world, store
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
        self._wishes = {"stop": False, "save": False}
        self._agreed = dict(self._wishes)

    @classmethod
    def joined(cls) -> Processes:
        """Those that torchrun has started; waits for all of them."""
        store, rank, world = next(rendezvous("env://"))
        processes = cls(rank, world, store)
        if processes.device.type == "cuda" and processes.device.index < torch.cuda.device_count():
            torch.cuda.set_device(processes.device)
        backend = "nccl" if processes.device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=world)
        return processes

    def check_devices(self) -> None:
        """Raises F2C_CONFIG_INVALID if there are fewer GPUs than processes on this machine."""
        local, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
        if self.device.type == "cuda" and local > gpus:
            raise F2cError(
                "F2C_CONFIG_INVALID",
                f"The training was started with {local} processes, but {gpus} GPUs are visible",
                "torchrun",
                f"Start it with --nproc-per-node {gpus}, or make more GPUs visible by CUDA_VISIBLE_DEVICES",
            )

    def leave(self) -> None:
        dist.destroy_process_group()

    @property
    def alone(self) -> bool:
        return self.world == 1

    def part(self, items: NDArray[Number]) -> NDArray[Number]:
        """This process's items of both views. [2n, ...] -> [2n/W, ...]"""
        both = items.reshape(2, self.world, -1, *items.shape[1:])
        return both[:, self.rank].reshape(-1, *items.shape[1:])

    def gather(self, tensor: Tensor) -> Tensor:
        """Everyone's tensor, without gradient. [...] -> [W, ...]"""
        if self.alone:
            return tensor.detach()[None]
        everyone = tensor.new_empty(self.world * tensor.numel())
        with _peers():
            dist.all_gather_single(everyone, tensor.detach().reshape(-1))
        return everyone.view(self.world, *tensor.shape)

    def gather_rows(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """Everyone's rows, of which rank r has counts[r]. [counts[rank], ...] -> [sum(counts), ...]"""
        if self.alone:
            return rows
        everyone = rows.new_empty(sum(counts), *rows.shape[1:])
        copies = torch.cat([rows] * self.world)
        with _peers():
            dist.all_to_all_single(everyone, copies, list(counts), [len(rows)] * self.world)
        return everyone

    def scatter_rows(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """Hands rank r its counts[r] of the rows, which lie by rank. What this one gets: [W, counts[rank], ...]"""
        if self.alone:
            return rows[None]
        mine = counts[self.rank]
        received = rows.new_empty(self.world, mine, *rows.shape[1:])
        with _peers():
            dist.all_to_all_single(received.flatten(0, 1), rows.contiguous(), [mine] * self.world, list(counts))
        return received

    def add_up(self, tensors: Sequence[Tensor], sent: torch.dtype | None = None) -> None:
        """Puts the sum over all processes in the place of each tensor, all in one collective; `sent` as numbers of this
        type, or as they are. What the processes wish goes with it."""
        if self.alone:
            return
        wishes = torch.tensor([*self._wishes.values()], device=self.device)
        tensors = [*tensors, wishes]
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).to(sent)
        with _peers():
            dist.all_reduce(flat)
        for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(total.view(tensor.shape))
        self._agreed = dict(zip(self._wishes, wishes.tolist(), strict=True))

    def agreed(self, what: typing.Literal["stop", "save"], wish: bool) -> bool:
        """Whether any process wished it by the last `add_up`, so that all of them do it after the same step; what is
        wished now comes with the next one. A single process has its wish at once."""
        if self.alone:
            return wish
        self._wishes[what] = wish and not self._agreed[what]
        return self._agreed[what]

    def any(self, flag: bool) -> bool:
        """Whether it is so for any process. Waits for all of them."""
        return bool(self.gather(torch.tensor(int(flag), device=self.device)).any())

    def wait_for_all(self) -> None:
        self.any(False)

    def tells(self, error: Exception) -> bool:
        """Asked once by a process that fails: whether it says why. The first one does, so that a failure of all is told
        once; one that met the end of another does not."""
        if self._store is None:
            return True
        self._store.set("ended", "")
        return not isinstance(error, PeerLostError) and self._store.add("told", 1) == 1

    def some_ended(self) -> bool:
        """Without waiting, as far as any process has noticed."""
        return self._store is not None and self._store.check(["ended"])


ALONE = Processes()


@contextmanager
def _peers() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if _GONE.search(str(error)) is None:
            raise
        raise PeerLostError(f"Another process of the training has ended: {error}") from error
