"""The compiled client: encoding, window, sender thread, fork safety. See clients/rust."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

__version__: str

def configure(
    *,
    daemon: str | None = None,
    convert: Callable[[Any], Any] | None = None,
    interrupt_on_stop: bool = False,
) -> None:
    """Say once how this process works.

    Args:
        daemon: Path of the `wandbd` executable to start when none runs. None: never start one.
        convert: Called for a value of a type that the core does not know. Returns a float, int, bool, str, None, dict, list
            (JSON values), or raises TypeError. Called with the GIL in the calling thread of `log`.
        interrupt_on_stop: Whether a stop that was asked for on a run's page sends SIGINT to this process: once per run, and only to
            the process that opened it (not to forked or attached ones), if SIGINT has a handler and `finish` was not called yet.
    """

def paths() -> dict[str, str]:
    """`state` (directory), `socket`, `staging` (directory for private snapshots, made 0700 when missing)."""

def messages() -> list[str]:
    """Lines for the user's terminal that have come up since the last call, each at most once per process."""

def login(server: Mapping[str, Any], verify: bool, send: bool, timeout_s: float) -> dict[str, Any]:
    """Ask the server, through the daemon, who a key belongs to, and send the runs that have waited for it.

    Starts a daemon if none runs and that is allowed. Waits without the GIL; Ctrl-C ends the wait. Never raises for an absent daemon.

    Args:
        server: The fields of `wandbd.v1.Server` by name.
        verify: Ask the server; otherwise nothing is contacted and `verdict` is "UNKNOWN".
        send: Deliver what has waited for credentials of this server for at most a day.
        timeout_s: Limit for all of it.

    Returns:
        `verdict` ("UNKNOWN", "VALID", "REFUSED", "UNREACHABLE": no server, no daemon, or no answer in time), `message` (what went
        wrong, with the fix; empty if nothing did), `entity`, `username`, `sent` and `older` (lists of runs, see `Run.info`).
    """

def restore(
    server: Mapping[str, Any] | None, session: str, run_path: str, name: str, target: str, timeout_s: float
) -> dict[str, Any]:
    """Read a file of a run from its server into a file on this machine, through the daemon.

    Starts a daemon if none runs and that is allowed. Waits without the GIL; Ctrl-C ends the wait. Never raises for an absent daemon.

    Args:
        server: The fields of `wandbd.v1.Server` by name, for a run of another machine; None with `session`.
        session: The owner's session of a run known here, or empty.
        run_path: `entity/project/id`, or empty.
        name: Of the file, below the run's files.
        target: Absolute path of the file to write.
        timeout_s: Limit for all of it.

    Returns:
        `found` (bool) and `message` (why not).
    """

@final
class Run:
    """A run as this process takes part in it. Thread-safe; keeps working after a fork (as an attached process)."""

    @staticmethod
    def open(fields: Mapping[str, Any]) -> Run:
        """Own a new run.

        Args:
            fields: The fields of `wandbd.v1.OpenRun` by name: nested messages as dicts, repeated ones as lists. Does no I/O
                but starting the sender thread; returns at once.
        """

    @staticmethod
    def attach(session: str, run_id: str) -> Run:
        """Take part in the run whose owner has this session."""

    session: str
    """The owner's session: what an attached process needs to know."""
    owner: bool
    """Whether this process opened the run. False in a forked child."""
    run_id: str
    step: int
    """The step that the next row without an explicit one would get, by this process's own count and the daemon's last word."""
    stopped: bool
    """Whether the owner asked for a stop on the run's page."""

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Add `data` to the history row of `step`; see `wandbd.Run.log`."""

    def config(self, update: Mapping[str, Any], remove: Sequence[Sequence[str]] = ()) -> None: ...
    def summary(self, update: Mapping[str, Any], remove: Sequence[Sequence[str]] = ()) -> None: ...
    def define_metric(
        self,
        name: str,
        step_metric: str | None = None,
        step_sync: bool | None = None,
        hidden: bool = False,
        summary: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None:
        """`name` with a trailing `*` is a glob. `summary`: words of min, max, mean, first, last, none, copy."""

    def update(
        self,
        display_name: str | None = None,
        notes: str | None = None,
        tags: Sequence[str] | None = None,
        group: str | None = None,
        job_type: str | None = None,
    ) -> None:
        """Change the run's own parameters. None: unchanged; an empty text or list clears."""

    def output(self, stderr: bool, text: str) -> None:
        """Text as it was passed to `write` of a standard stream; stamped now. Never waits; ignored, without a word, after `finish`.

        Lone surrogates are replaced. A long text becomes several records. Text finds no room sooner than the rest: it is then
        dropped and counted in `stats()["dropped_records"]`.
        """

    def logs(self, text: str) -> None:
        """Whole lines for the run's console that were not written to a terminal (`write_logs`); as `output` in the rest."""

    def save(self, files: Sequence[tuple[str, str]], policy: str) -> None:
        """Files of the run itself: (name below the run's files, absolute source). `policy`: "now", "live", "end"."""

    def alert(self, title: str, text: str, level: str, wait_s: float) -> None:
        """A message to the people who watch the run. `level`: "INFO", "WARN", "ERROR"."""

    def preempting(self) -> None:
        """The machine is about to be taken away."""

    def log_artifact(
        self,
        name: str,
        type: str,
        description: str,
        metadata_json: str,
        aliases: Sequence[str],
        files: Sequence[tuple[str, str, bool]],
    ) -> None:
        """`files`: (path in the artifact, absolute source, staged)."""

    def info(self, timeout_s: float) -> dict[str, Any]:
        """The last `wandbd.v1.Run` message as a dict; waits, without the GIL, until `entity` is known or the time is over.

        All fields of the message are there by their names in `wandbd.proto` (`tag` is the list of tags). Empty strings stand for
        what is not known; `state` is the name of the enum's value ("LIVE", "DELIVERED", ...), `exit_code` is None until there is one.
        """

    def opened(self, timeout_s: float) -> dict[str, Any] | None:
        """Wait, without the GIL, until the server has answered what `open` asked; None if the time is over before.

        Returns the last Run message as `info` does: `opened` is True and its names, `resumed`, `starting_step`, `tag`, ... are
        final; or `error` is a text that says why the run cannot be had (also that the daemon refused this session).
        """

    def fetch(self, timeout_s: float) -> dict[str, Any] | None:
        """Flush, then ask the daemon for the run with `config_json` and `summary_json`; None if it did not answer in time."""

    def values(self) -> dict[str, Any]:
        """The last values that this process itself logged, for when `fetch` fails."""

    def flush(self, timeout_s: float) -> bool:
        """Wait, without the GIL, until everything said so far is acknowledged."""

    def give_up(self) -> None:
        """Say before `finish` that the run is not wanted: nothing of it is sent, unless the server has opened it already."""

    def finish(self, exit_code: int, wait: str, timeout_s: float, tick: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Say exit (as owner) or goodbye (attached), and wait for it.

        Args:
            exit_code: Of the run.
            wait: "ack": until it is on the daemon's disk; "delivered": until the server has everything.
            timeout_s: Limit for "delivered". For "ack" the limit is 5 s without any ack and 30 s in all, after which
                un-acknowledged records go to the spill.
            tick: Called about once a second while waiting for delivery, with the last Run message; may raise KeyboardInterrupt,
                which ends the waiting and not the delivery.

        Returns:
            `outcome` ("acked", "delivered", "spilled", "timeout", "lost"), `lost_rows`, `dropped_rows`, `run` (last Run message).
        """

    def stats(self) -> dict[str, int]:
        """Counters: `records`, `acked`, `dropped_rows`, `dropped_records` (others), `window_bytes`, `reconnects`, `refused`, `connected` (0/1)."""
