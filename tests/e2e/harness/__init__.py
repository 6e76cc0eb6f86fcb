"""What the end-to-end tests are made of: real processes, a real socket, a real backend, and faults that are injected.

- `home`: a HOME of its own for every test, and proof that nothing is left running in it
- `backend`: the embedded W&B-compatible server as a process, and its inspection API
- `chaos`: an HTTP proxy between daemon and backend that fails as it is told
- `daemon`: a daemon that is started, killed, stopped and continued
- `trainer`: a training script in a process of its own
- `wait`: the one place that waits
"""

from harness.backend import Backend
from harness.chaos import Chaos, Fault
from harness.daemon import Daemon
from harness.home import Home
from harness.trainer import Trainer
from harness.wait import eventually

__all__ = ["Backend", "Chaos", "Daemon", "Fault", "Home", "Trainer", "eventually"]
