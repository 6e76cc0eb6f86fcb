"""Files that are kept as they are now, until the daemon has uploaded them.

They lie in a folder of their own in the daemon's staging directory. Large files are kept by the daemon: it clones them,
or holds a lease on them while it copies in the background, so that only a program that really writes into one waits.
Small ones, and all of them where no daemon answers, are copied here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

SMALL = 64 * 1024
"""Bytes. Copying less costs no more than asking somebody to do it."""
ASK_S = 5.0
"""How long the daemon may take to take over a batch of files before they are copied here."""
BATCH = 512
_FICLONE = 0x40049409


class StagingFull(Exception):
    """There is no room for copies: the daemon's limit is reached, or the disk is full."""


class Staging:
    """The folder of one artifact."""

    __slots__ = ("_count", "_folder")

    def __init__(self) -> None:
        """Make the folder when it is needed."""
        self._folder: str | None = None
        self._count = 0

    def place(self) -> str | None:
        """A path that nothing has; None if there is no daemon that will ever send anything."""
        if self._folder is None:
            staging = _directory()
            if staging is None:
                return None
            # Named by our process, so that a forked child does not tidy it up.
            folder = os.path.join(staging, f"{os.getpid()}-{os.urandom(16).hex()}")
            os.mkdir(folder, 0o700)
            self._folder = folder
        self._count += 1
        return os.path.join(self._folder, str(self._count))

    def keep(self, sources: Sequence[tuple[str, int]]) -> list[tuple[str, bool]]:
        """Keep files, said with their sizes, as they are.

        Returns:
            Where each is to be read from now on, and whether that is a copy.

        Raises:
            StagingFull: There is no room.
            OSError: A file cannot be read.
        """
        kept: list[tuple[str, bool]] = []
        large: list[tuple[int, str, str]] = []
        for number, (source, size) in enumerate(sources):
            target = self.place()
            kept.append((source, False) if target is None else (target, True))
            if target is None:
                continue
            if size < SMALL:
                _copied(source, target, _copy_small)
            else:
                large.append((number, source, target))
        for start in range(0, len(large), BATCH):
            self._keep_large(large[start : start + BATCH], kept)
        return kept

    def _keep_large(self, files: Sequence[tuple[int, str, str]], kept: list[tuple[str, bool]]) -> None:
        from wandbd._core_access import core

        answer = core().stage([(source, target) for _, source, target in files], ASK_S)
        if answer.get("full"):
            raise StagingFull(str(answer["full"]))
        words = list(answer.get("kept") or ())
        for index, (number, source, _) in enumerate(files):
            if index >= len(words) or words[index] in ("NOT_KEPT", ""):
                # A new place: a daemon that answered too late may still write to the other one.
                target = str(self.place())
                _copied(source, target, clone_or_copy)
                kept[number] = (target, True)

    def link(self, source: str) -> tuple[str, bool]:
        """Keep a file that nobody will write into again, though its name may come to mean another one."""
        target = self.place()
        if target is None:
            return source, False
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without links
            _copied(source, target, clone_or_copy)
        return target, True

    def give(self) -> None:
        """The daemon owns the files from now on."""
        self._folder, self._count = None, 0

    def tidy(self) -> None:
        """Remove what was never given away."""
        folder, self._folder = self._folder, None
        if folder is not None and os.path.basename(folder).startswith(f"{os.getpid()}-"):
            import shutil

            shutil.rmtree(folder, ignore_errors=True)


def _directory() -> str | None:
    """The daemon's staging directory, if anything here will ever be sent."""
    from wandbd import _registry

    run = _registry.current()
    if run is not None and run.disabled:
        return None
    from wandbd._core_access import core

    return str(core().paths()["staging"])


def _copied(source: str, target: str, copy: object) -> None:
    import errno

    try:
        copy(source, target)  # type: ignore[operator]
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        try:
            os.unlink(target)
        except OSError:
            pass
        raise StagingFull(f"no room for a copy of {source} in {os.path.dirname(target)}: {error.strerror}") from None


def _copy_small(source: str, target: str) -> None:
    read = os.open(source, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        content = os.read(read, SMALL)
        if len(content) == SMALL:  # it has grown
            clone_or_copy(source, target)
            return
    finally:
        os.close(read)
    write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(write, view) :]
    finally:
        os.close(write)


def clone_or_copy(source: str, target: str) -> None:
    """A private copy of `source`, sharing its blocks where the file system can."""
    with open(source, "rb") as read, open(target, "wb") as write:
        try:
            import fcntl

            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except (ImportError, OSError):
            import shutil

            shutil.copyfileobj(read, write, 1 << 20)
