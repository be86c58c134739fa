"""The training loop: steps, events and checkpoints until the budget is spent."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from threading import Event

import torch

from .checkpoint import save_checkpoint
from .config import Config
from .events import Events
from .training import Training

EXIT_DONE, EXIT_STOPPED = 0, 4


def train(config: Config, events: Events, stop: Event) -> int:
    """Trains until the budget is spent or `stop` is set; returns the exit code. Raises F2cError."""
    threads = config.threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic

    training = Training(config)
    if config.resume is not None:
        training.restore(Path(config.resume))
    events.write("start", **training.facts(), threads=threads)
    return _run(training, events, stop)


def _run(training: Training, events: Events, stop: Event) -> int:
    began = reported = time.monotonic()
    reported_step = training.step

    def save(event: str, **fields: object) -> None:
        seconds = time.monotonic() - began
        events.write(event, step=training.step, path=str(_save(training)), seconds=round(seconds, 3), **fields)

    with closing(training.loaders.batches(training.step, training.steps)) as batches:
        for batch in batches:
            if stop.is_set():
                save("stopped")
                return EXIT_STOPPED
            rate = training.learning_rate
            loss = training.train_step(batch)
            if events.step_is_due() or training.step == training.steps:
                now = time.monotonic()
                images = (training.step - reported_step) * training.loaders.images_per_step
                events.write(
                    "step",
                    step=training.step,
                    images=min(training.step * training.loaders.images_per_step, training.config.images),
                    loss=training.loss,
                    inPool=loss.in_pool,
                    outOfPool=loss.out_of_pool,
                    poolHitRate=loss.pool_hit_rate,
                    learningRate=rate,
                    imagesPerSecond=round(images / (now - reported), 1),
                )
                reported, reported_step = now, training.step
            if training.step % training.config.checkpoint_every_steps == 0 and training.step < training.steps:
                save("checkpoint")
    save("done", loss=training.loss)
    return EXIT_DONE


def _save(training: Training) -> Path:
    folder = (Path(training.config.work) / "checkpoints" / str(training.step)).resolve()
    save_checkpoint(folder, training.checkpoint())
    return folder
