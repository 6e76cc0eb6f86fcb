"""The compiled client: encoding, window, sender thread, fork safety. See clients/rust."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, final

__version__: str

class Convert(Protocol):
    """See `configure`."""

    def __call__(self, value: Any, run: Run | None, key: str, path: str, /) -> Any: ...

def configure(
    *,
    daemon: str | None = None,
    convert: Convert | None = None,
    interrupt_on_stop: bool = False,
) -> None:
    """Say once how this process works.

    Args:
        daemon: Path of the `wandbd` executable to start when none runs. None: never start one.
        convert: Called for a value of a type that the core does not know, and for a list or tuple that begins with one. Returns a
            float, int, bool, str, None, dict, list (JSON values) or a `Template`, also inside of a dict or list, or raises TypeError.
            Called with the GIL, and no lock, in the calling thread of `log`: it may say things about the run, which come before
            the row. `run` is the run whose row or summary is written, None for a config; there a `Template` is refused. `key` is
            the last name of the value's path, `path` all of them joined by dots; for something in a list both are the list's.
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

def random_id() -> str:
    """128 random characters of `[0-9a-z]`, as W&B names artifacts that the server does not know yet."""

def stage(files: Sequence[tuple[str, str]], timeout_s: float) -> dict[str, Any]:
    """Ask the daemon to keep files as they are now.

    Starts a daemon if none runs and that is allowed. Waits without the GIL; Ctrl-C ends the wait. Never raises for an absent daemon.

    Args:
        files: (absolute source, absolute target below the staging directory, whose folder is there).
        timeout_s: Limit for all of it.

    Returns:
        `kept` (for each file, in order: "CLONED", "LEASED" (being copied), "COPIED", or "NOT_KEPT": copy it yourself), `full` (the
        staging directory is full, nothing was kept, and this says why) and `message`: why there was no answer. After a `message`
        the daemon may still be at it: do not use the same targets again.
    """

def get_artifact(fields: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Ask for a version of an artifact: by name, by id, or one that was logged here, whose delivery is waited for.

    Waits as `stage` does. Give `timeout_s` a little more than the field of the same name.

    Args:
        fields: The fields of `wandbd.v1.GetArtifactRequest` by name. What this process has said about the run of `session` is
            acknowledged first (for half of the limit at most).
        timeout_s: Limit for all of it.

    Returns:
        `verdict` (name of the enum's value: "FOUND", "MISSING", "UNREACHABLE", "REFUSED", "PENDING", "LOST"; "UNREACHABLE" also
        without a daemon), `message` (what went wrong, with the fix) and `artifact`: None, or the fields of `ArtifactFacts`.
    """

def change_artifact(fields: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Change what may change of a committed version: the fields of `wandbd.v1.ChangeArtifactRequest`. Otherwise as `get_artifact`."""

def download_artifact(fields: Mapping[str, Any], tick: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Bring the files of a version to this machine, through the daemon. Waits without the GIL and without a limit; Ctrl-C ends it.

    Args:
        fields: The fields of `wandbd.v1.DownloadArtifactRequest` by name.
        tick: Called about once a second with the last `DownloadProgress` as a dict; may raise, which ends the download.

    Returns:
        The last `DownloadProgress`: `files`, `files_total`, `bytes`, `bytes_total`, `done`, `error` (why it ended, also that there is no
        daemon) and `reference` (paths of references that have to be fetched otherwise).
    """

def scan_columns(rows: Sequence[Sequence[Any]]) -> list[int]:
    """The kinds of cells in each column, as the sum of bits.

    1 None and a NaN of Python's own, 2 number (int, float, numpy's), 4 str, 8 bool, 16 date or datetime, 32 anything else. No rows: an empty list.

    Raises:
        ValueError: A row has another length than those before it; the message says which.
        TypeError: A row is none.
    """

@final
class Snapshot:
    """Raw data as it was when this was made: anything with the buffer protocol, in C order. Costs nothing for `bytes`.

    `Run.media` takes it where it takes memory, any number of times, without a copy. Memory of up to 8 MiB is used again when the last
    reference to it is gone, which makes the copy several times cheaper than one into fresh memory.
    """

    def __init__(self, data: Any) -> None:
        """TypeError: `data` has no memory to read."""

    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...

@final
class Template:
    """JSON text with places for media (`{"$wandbd": "<id>"}`, see `wandbd.v1.Media`), as a value of a row. Empty: no value at all."""

    def __init__(self, text: str, key: str | None = None) -> None:
        """`key`: the value stands at the top of the row under this name, in place of its own path. Not inside of lists."""

    text: str
    key: str | None

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

    def media(self, fields: Mapping[str, Any]) -> bool:
        """Say something that the daemon makes from raw data: a picture, a histogram, a table's file. It comes before what names it.

        Args:
            fields: The fields of `wandbd.v1.Media` by name, nested messages as dicts, with one content at most: `bytes`, `file` (dict
                or path), `pixels`, `histogram`, `table`, `sound`, `frames`, `points`. `bytes` and `Array.data` are anything with
                the buffer protocol, in one piece or not (then in C order), copied before this returns; `bytes` and a `Snapshot`
                are kept as they are.

        Returns:
            False: there is no room for it, which is counted in `stats()["dropped_records"]`. Nothing may name it then: give an empty
            `Template`.
        """

    def table_rows(
        self,
        table: str,
        first_row: int,
        rows: Sequence[Sequence[Any]],
        other: Callable[[Any], Any] | None = None,
    ) -> bool:
        """Say rows of a table, before the `Media` with the table.

        Args:
            table: Name of these rows, unique within the run.
            first_row: Number of the first one; a row that was said before counts once.
            rows: Of float, int, bool, str, None, date, datetime, numpy's scalars. Dates are in UTC unless they say otherwise.
            other: Called for other cells. Returns a plain value, or ("media", id), ("json", text), ("stored", text: an array
                as JSON) or ("date", milliseconds since 1970, text).

        Returns:
            False: there was no room for all of them; do not log the table.
        """

    def log_artifact(self, fields: Mapping[str, Any]) -> bool:
        """A version of an artifact: the fields of `wandbd.v1.Artifact` by name.

        `file` is a list of dicts or of tuples (path in the artifact, absolute source, staged). Ids that are missing are made.

        Returns:
            False: there is no room for it, or its list of files is longer than 12 MiB (about 100,000 files).
        """

    def link(self, fields: Mapping[str, Any]) -> bool:
        """A version appears in another collection, once it is committed: the fields of `wandbd.v1.Link` by name."""

    def event_files(self, folder: str, namespace: str, save: bool) -> None:
        """Follow the event files of TensorBoard in `folder` (absolute): each step in them becomes a row.

        `namespace` comes before the names of metrics, with a slash; the last word about a folder counts. `save`: the
        files become files of the run, too.
        """

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
                un-acknowledged records go to the spill. There is no limit while the daemon says that it is busy with what was
                handed over (copying a checkpoint).
            tick: Called about once a second while waiting for delivery, with the last Run message, or for a busy daemon, with a
                Run of which only `cause` is filled; may raise KeyboardInterrupt, which ends the waiting and not the delivery.

        Returns:
            `outcome` ("acked", "delivered", "spilled", "timeout", "lost"), `lost_rows`, `dropped_rows`, `run` (last Run message).
        """

    def stats(self) -> dict[str, int]:
        """Counters: `records`, `acked`, `dropped_rows`, `dropped_records` (others), `window_bytes`, `reconnects`, `refused`, `connected` (0/1)."""
