"""The training loop: steps, validations, checkpoints and events until the budget is spent."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from threading import Event

import torch

from .checkpoint import Best
from .config import Config
from .distributed import ALONE, Processes
from .events import Events
from .heap import keep_freed_memory
from .memory import telling_of_memory
from .progress import Progress
from .saver import Saver
from .training import Training
from .validation import Validation

EXIT_DONE, EXIT_STOPPED = 0, 4


def train(config: Config, events: Events, stop: Event, processes: Processes = ALONE) -> int:
    """Trains until the budget is spent or `stop` is set in a process; returns the exit code. Raises F2cError."""
    threads = config.threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    keep_freed_memory()
    torch.use_deterministic_algorithms(True)
    # Costs up to a tenth of a step on a CPU, and nothing reads what it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic

    with telling_of_memory(config):
        return _train(config, events, stop, processes, threads)


def _train(config: Config, events: Events, stop: Event, processes: Processes, threads: int) -> int:
    training = Training(config, processes)
    validation = None if config.validate_every_steps is None else Validation(config, processes)
    if config.resume is not None:
        training.restore(Path(config.resume))
    if processes.rank == 0:
        events.write("start", **training.facts(), threads=threads)
    with closing(Progress(training, events)) as progress, Saver(training, events) as saver:
        code = _run(training, validation, saver, progress, stop)
    processes.wait_for_all()  # torchrun ends the others when one has stopped, and the last checkpoint may take longer
    return code


def _run(training: Training, validation: Validation | None, saver: Saver, progress: Progress, stop: Event) -> int:
    with closing(training.loaders.batches(training.step, training.steps)) as batches:
        while True:
            better = validation is not None and _validate(training, validation, progress, stop)
            if better is None or training.processes.agreed("stop", stop.is_set()):
                saver.finish("stopped")
                return EXIT_STOPPED
            if training.step == training.steps:
                saver.finish("done", loss=training.loss)
                return EXIT_DONE
            saver.follow(at_once=better)
            learning_rate = training.learning_rate
            for _ in range(training.step, training.pause):
                loss = training.train_step(progress.awaited(batches))
            progress.stepped(loss, learning_rate)


def _validate(training: Training, validation: Validation, progress: Progress, stop: Event) -> bool | None:
    """Validates if it is time to; true if the network is better than ever before, None if it was stopped meanwhile."""
    every = training.config.validate_every_steps
    if every is None or training.step == 0 or (not training.passed(every) and training.step != training.steps):
        return False
    result = validation.run(training.probe, stop)
    if result is None:
        return None
    progress.validated(result)
    if training.best is not None and result.accuracy <= training.best.accuracy:
        return False
    training.best = Best(training.step, result.accuracy)
    return True
