"""`setup` and `teardown`: settings for all runs of this process, and the end of all of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wandbd._credentials import DEFAULT_URL, Session, check_key, clean_url
from wandbd._errors import UsageError
from wandbd._settings import Resolved, Settings, given, resolve, with_facts


class Setup:
    """What `setup` returns: the settings that runs of this process begin with."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        """Nothing said."""
        self._said: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The settings as they are now, all sources put together."""
        return here({}, None).settings


_setup = Setup()


def setup(settings: Settings | Mapping[str, Any] | None = None) -> Setup:
    """Say settings for all later runs of this process; `init` can say other ones.

    Nothing needs to be prepared, so calling it is never necessary.

    Args:
        settings: Settings by W&B's names; they are added to those of earlier calls.

    Raises:
        UsageError: An API key and an identity token at once.
        AuthenticationError: The API key has the wrong shape.
    """
    said = Settings(**settings) if isinstance(settings, Mapping) else settings
    if said is not None:
        if said.api_key and said.identity_token_file:
            raise UsageError("The api_key and identity_token_file settings cannot be used together.")
        if said.api_key:
            Session.key, Session.host = check_key(said.api_key), clean_url(said.base_url or DEFAULT_URL)
        before = given(_setup._said) if _setup._said is not None else {}
        _setup._said = with_facts(Settings(), **{**before, **given(said)})
    return _setup


def here(arguments: Mapping[str, Any], said: Settings | Mapping[str, Any] | None) -> Resolved:
    """The settings for something in this process, all sources put together."""
    resolved = resolve(arguments, said, os.environ, os.getcwd(), _setup._said)
    if Session.mode is not None and "mode" not in resolved.code:
        resolved.settings = with_facts(resolved.settings, mode=Session.mode)
    return resolved


def forget() -> None:
    """Make this process one that has never called `setup` or `login`."""
    _setup._said = None
    Session.key = Session.host = Session.mode = None


def teardown(exit_code: int | None = None) -> None:
    """Finish all runs of this process that are not finished, and forget what `setup` and `login` said.

    Args:
        exit_code: Of the runs; 0 or None for success.
    """
    from wandbd import _registry

    for run in reversed(_registry.runs()):
        run.finish(exit_code)
    forget()
