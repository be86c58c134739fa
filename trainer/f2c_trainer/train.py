"""The training loop: steps, validations, checkpoints and events until the budget is spent."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from threading import Event

import torch

from .checkpoint import Best
from .config import Config
from .events import Events
from .memory import telling_of_memory
from .progress import Progress
from .saver import Saver
from .tensorboard import Board
from .training import Training
from .validation import Validation

EXIT_DONE, EXIT_STOPPED = 0, 4


def train(config: Config, events: Events, stop: Event) -> int:
    """Trains until the budget is spent or `stop` is set; returns the exit code. Raises F2cError."""
    threads = config.threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic

    with telling_of_memory(config):
        return _train(config, events, stop, threads)


def _train(config: Config, events: Events, stop: Event, threads: int) -> int:
    training = Training(config)
    validation = None if config.validate_every_steps is None else Validation(config)
    if config.resume is not None:
        training.restore(Path(config.resume))
    events.write("start", **training.facts(), threads=threads)
    with closing(Board(Path(config.work) / "tensorboard", training.step)) as board, Saver(training, events) as saver:
        return _run(training, validation, saver, Progress(training, events, board), stop)


def _run(training: Training, validation: Validation | None, saver: Saver, progress: Progress, stop: Event) -> int:
    with closing(training.loaders.batches(training.step, training.steps)) as batches:
        while True:
            better = validation is not None and _validate(training, validation, progress, stop)
            if stop.is_set():
                saver.finish("stopped")
                return EXIT_STOPPED
            if training.step == training.steps:
                saver.finish("done", loss=training.loss)
                return EXIT_DONE
            saver.follow(at_once=better)
            learning_rate = training.learning_rate
            loss = training.train_step(progress.awaited(batches))
            progress.stepped(loss, learning_rate)


def _validate(training: Training, validation: Validation, progress: Progress, stop: Event) -> bool:
    """Validates if it is time to; true if the network is better than ever before."""
    every = training.config.validate_every_steps
    if every is None or training.step == 0 or (training.step % every != 0 and training.step != training.steps):
        return False
    result = validation.run(training.probe, stop)
    if result is None:
        return False
    progress.validated(result)
    if training.best is not None and result.accuracy <= training.best.accuracy:
        return False
    training.best = Best(training.step, result.accuracy)
    return True
