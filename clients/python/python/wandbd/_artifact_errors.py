"""What is wrong with the state of an artifact: it is not logged yet, or does not change any more."""

from __future__ import annotations

from typing import Any

from wandbd._errors import CommError, Error


class ArtifactStatusError(AttributeError):
    """The artifact is in a state in which this cannot be."""

    def __init__(
        self,
        msg: str = "Artifact is in an invalid state for the requested operation.",
        name: str | None = None,
        obj: Any = None,
    ) -> None:
        """Keep the attribute's name and the artifact, as AttributeError does."""
        super().__init__(msg, name=name, obj=obj)


class ArtifactNotLoggedError(ArtifactStatusError):
    """Only a logged artifact has this."""

    def __init__(self, fullname: str, obj: Any) -> None:
        """Name what was asked for."""
        super().__init__(
            f"{fullname!r} used prior to logging artifact or while in offline mode. "
            "Call wait() before accessing logged artifact properties.",
            fullname.rpartition(".")[2],
            obj,
        )


class ArtifactFinalizedError(ArtifactStatusError):
    """A logged artifact does not change."""

    def __init__(self, fullname: str, obj: Any) -> None:
        """Name what was tried."""
        super().__init__(
            f"{fullname!r} used on logged artifact. Can't modify finalized artifact.", fullname.rpartition(".")[2], obj
        )


class ArtifactMissingError(CommError, ValueError):
    """The server has no such version."""


class WaitTimeoutError(Error):
    """The time that `wait` was given is over."""
