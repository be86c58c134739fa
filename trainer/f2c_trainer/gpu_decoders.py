"""Instances decoded on the GPU, by nvJPEG as torchvision binds it. torchvision is installed by who wants this."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from .edits import Edits, UndecodableError, decode, empty_images, no_edits
from .errors import F2cError
from .gpu_edits import edit_batch
from .index import Index
from .keyed import Integers
from .shards import ShardFiles

_BATCHES_AT_ONCE = 2  # decoded beside the training, each on a stream of its own


class GpuDecoders:
    """Reads instances in threads and decodes a batch at once. Its pixels differ from libjpeg-turbo's by rounding."""

    def __init__(self, index: Index, shards: Path, device: torch.device, cores: int) -> None:
        """Raises F2C_CONFIG_INVALID without a GPU or without torchvision."""
        if device.type != "cuda":
            raise _unable("there is no GPU", 'Set "decodeOn" to cpu')
        if find_spec("torchvision") is None:
            raise _unable("torchvision is not installed", 'Install the one of this PyTorch, or set "decodeOn" to cpu')
        self._files, self._size, self._device = ShardFiles(shards, index), index.image_size, device
        self._readers = ThreadPoolExecutor(cores, "read")
        self._batches = ThreadPoolExecutor(_BATCHES_AT_ONCE, "decode")

    def begin(self, _row: int, instances: Integers, edits: Edits) -> Callable[[], Tensor]:
        """Begins to decode and edit the instances [n]; what it returns waits for that.

        It gives their pixels. [n, S, S, 3] uint8 on the GPU
        """
        parts = np.array_split(instances, max(1, len(instances) // 32))
        reads = [self._readers.submit(self._read, part) for part in parts]
        batch = self._batches.submit(self._decode, instances, edits, reads)

        def pixels() -> Tensor:
            images = batch.result()
            images.record_stream(torch.cuda.current_stream(self._device))  # theirs was another
            return images

        return pixels

    def _read(self, instances: Integers) -> list[bytes]:
        return [jpeg for _, jpeg in sorted(self._files.jpegs(instances))]

    def _decode(self, instances: Integers, edits: Edits, reads: list[Future[list[bytes]]]) -> Tensor:
        from torchvision.io import ImageReadMode, decode_jpeg  # type: ignore[import-not-found]

        jpegs = [jpeg for read in reads for jpeg in read.result()]
        encoded = [torch.frombuffer(bytearray(jpeg), dtype=torch.uint8) for jpeg in jpegs]
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            try:
                images = decode_jpeg(encoded, mode=ImageReadMode.RGB, device=self._device)
            except RuntimeError as error:
                raise self._fault(instances, jpegs, str(error)) from error
            if any(image.shape[1:] != (self._size, self._size) for image in images):
                raise self._fault(instances, jpegs, "sizes differ")
            pixels = torch.stack(images).permute(0, 2, 3, 1).contiguous()
            edit_batch(pixels, torch.from_numpy(edits).to(self._device))
        stream.synchronize()
        return pixels

    def _fault(self, instances: Integers, jpegs: list[bytes], what: str) -> F2cError:
        """Which image it was, if libjpeg-turbo cannot decode it either."""
        image, spare = empty_images(2, self._size)
        for instance, jpeg in zip(instances.tolist(), jpegs, strict=True):
            try:
                decode(jpeg, image, no_edits(1)[0].tolist(), spare)
            except UndecodableError:
                return self._files.unusable(instance, jpeg)
        where, fix = f"instances {instances[0]} and others", 'Set "decodeOn" to cpu'
        return F2cError("F2C_CONFIG_INVALID", f"The GPU could not decode images: {what}", where, fix)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for pool in (self._readers, self._batches):
            pool.shutdown(cancel_futures=True)


def _unable(why: str, fix: str) -> F2cError:
    return F2cError("F2C_CONFIG_INVALID", f'"decodeOn" is gpu, but {why}', "decodeOn", fix)
