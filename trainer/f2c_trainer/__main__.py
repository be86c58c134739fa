"""python -m f2c_trainer CONFIG.json

Or under torchrun: python -m torch.distributed.run --standalone --nproc-per-node N -m f2c_trainer CONFIG.json

Exit codes: 0 done; 1 a defect, with its stack on stderr; 2 wrong usage; 3 an `error` event says what the user can do;
4 stopped by SIGTERM or SIGINT with a checkpoint; 5 the process that controls the training has died; 6 another process
of the training has ended, and that one, or torchrun, says why. Whichever process fails first writes the `error` event.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from .config import load_config
from .errors import F2cError
from .events import Events
from .heap import loading_modules
from .lifeline import die_with_parent

if TYPE_CHECKING:
    from .distributed import Processes

EXIT_ERROR, EXIT_PEER_LOST = 3, 6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m f2c_trainer", description="Trains a face embedding.")
    parser.add_argument("config", metavar="CONFIG.json")
    path = parser.parse_args().config

    # Threads that wait must not spin: on a busy machine that takes the cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Before PyTorch loads, so that no signal is lost meanwhile.
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    if _settings(path).get("controlled") is True:
        die_with_parent()  # before the others are waited for

    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return _train(path, stop, None)
    with loading_modules():
        from .distributed import PeerLostError, Processes

    processes = Processes.joined()
    try:
        return _train(path, stop, processes)
    except PeerLostError as error:
        print(error, file=sys.stderr)
        return EXIT_PEER_LOST
    finally:
        processes.leave()


def _train(path: str, stop: Event, processes: Processes | None) -> int:
    events: Events | None = None
    try:
        config = load_config(path)
        events = Events(Path(config.work))
        with loading_modules():
            from .distributed import ALONE
            from .train import train

        return train(config, events, stop, processes or ALONE)
    except F2cError as error:
        if _settings(path).get("controlled") is not True:  # whoever controls it reads the event
            print(error, file=sys.stderr)
        if processes is None or processes.tells(error):
            (events or Events(_work_of(path))).error(error)
        return EXIT_ERROR
    except Exception as error:
        # A defect must not look like a death, after which the same would be tried again and again.
        if events is not None and (processes is None or processes.tells(error)):
            what = f"The trainer crashed: {error!r}"
            events.error(F2cError("F2C_STEP_CRASHED", what, "trainer", "Its log has the stack"))
        raise


def _work_of(path: str) -> Path:
    """The work folder of a config that has mistakes; if it names none, the config's own folder."""
    work = _settings(path).get("work")
    return Path(work) if isinstance(work, str) else Path(path).parent


def _settings(path: str) -> dict[str, Any]:
    """What a config says that may have mistakes, as far as it can be read."""
    try:
        return dict(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


if __name__ == "__main__":
    sys.exit(main())
