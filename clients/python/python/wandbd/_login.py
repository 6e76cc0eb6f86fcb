"""`login`: a key for this process, from an argument, from the usual places, or from a person at a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wandbd import _registry
from wandbd._computed import app_url
from wandbd._credentials import (
    DEFAULT_URL,
    Found,
    Session,
    check_key,
    clean_url,
    find,
    machines_of,
    named_url,
    server_with,
)
from wandbd._errors import AuthenticationError, UsageError
from wandbd._netrc import netrc_path, write_key
from wandbd._settings import Resolved
from wandbd._settings_files import global_settings_path, remember_server
from wandbd._setup import here
from wandbd._term import Terminal

VERIFY_S = 10.0
"""How long the server may take to say whose key it is."""
_UNSAID = object()


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    referrer: str | None = None,
    prompt: bool = True,
    anonymous: object = _UNSAID,
) -> bool:
    """Make sure that runs of this process have credentials.

    A key that is given, or typed at the terminal, is also kept in the netrc file. Runs that waited for credentials of
    this server are sent.

    Args:
        key: The key. Without it: what an earlier call said, WANDB_API_KEY or WANDB_IDENTITY_TOKEN_FILE, netrc, the
            settings files, a question at the terminal.
        relogin: Whether to ask at the terminal although there is a key.
        host: The server's address; it is remembered in the settings file.
        force: Whether going on without a key is no choice at the terminal.
        timeout: How many seconds to wait for an answer at the terminal.
        verify: Whether to ask the server. A server that cannot be reached is a warning, and the key is taken.
        referrer: Named in the address at which a key is made.
        prompt: Whether to ask at the terminal.
        anonymous: Gone from W&B; has no effect.

    Returns:
        Whether there are credentials now.

    Raises:
        AuthenticationError: The key has the wrong shape, or the server does not accept it.
        UsageError: There is none, and no terminal to ask at.
    """
    resolved = here({}, None)
    terminal = Terminal(resolved.settings)
    if anonymous is not _UNSAID:
        terminal.warn("the argument `anonymous` of login is gone from W&B and has no effect")
    if _registry.current() is not None:
        terminal.warn("Calling wandb.login() after wandb.init() has no effect.")
        return False
    if resolved.settings._noop:
        return False
    if resolved.settings._offline:
        terminal.warn("Unable to verify login in offline mode.")
        return False
    named = clean_url(host) if host else named_url(resolved)
    url = named or DEFAULT_URL
    found = _explicit(resolved, terminal, url, key, verify) if key is not None else None
    if found is None:
        again = resolved.settings.relogin if relogin is None else relogin
        found = Found() if again else _usual(resolved, terminal, url, named is None, verify)
    if not found and prompt:
        choices = bool(resolved.settings.force if force is None else force)
        limit = resolved.settings.login_timeout if timeout is None else float(timeout)
        found = _asked(resolved, terminal, url, choices, limit, referrer or "models", verify)
    if host:
        _remember(terminal, resolved, url)
    return bool(found)


def _explicit(resolved: Resolved, terminal: Terminal, url: str, key: str, verify: bool) -> Found:
    found = Found(check_key(key), "argument")
    if resolved.settings._notebook:
        terminal.warn(
            "An API key in code can be read by everybody who sees the notebook: consider the variable WANDB_API_KEY, "
            "or `wandbd login` at a terminal"
        )
    answer = _ask(resolved, terminal, url, found, verify)
    word = "Changing session credentials to explicit value" if Session.key else "Using explicit session credentials"
    terminal.info(f"[wandb.login()] {word} for {url}.")
    _keep(terminal, url, found.key)
    _told(terminal, url, answer)
    return found


def _usual(resolved: Resolved, terminal: Terminal, url: str, anywhere: bool, verify: bool) -> Found:
    """What lies in the usual places; without any, what an embedded server of the daemon takes for granted."""
    found = find(resolved, os.environ, url)
    if found:
        if found.source != "session":
            terminal.info(f"[wandb.login()] Loaded credentials for {url} from {found.source}.")
        answer = _ask(resolved, terminal, url, found, verify and found.source != "session")
        _told(terminal, url, answer)
    elif anywhere and _ask(resolved, terminal, "", found, verify).get("verdict") == "VALID":
        return Found("", "wandbd")
    return found


def _asked(
    resolved: Resolved, terminal: Terminal, url: str, force: bool, limit: float | None, referrer: str, verify: bool
) -> Found:
    """What a person says at the terminal."""
    from wandbd import _prompt

    if not _prompt.possible(resolved.settings._notebook):
        raise UsageError("No API key configured. Use `wandbd login` to log in, or set WANDB_API_KEY.")
    while True:
        try:
            key = _prompt.key(terminal, _pages(resolved, url), force, limit, referrer)
        except TimeoutError:
            terminal.warn("W&B disabled due to login timeout.")
            Session.mode = "disabled"
            return Found()
        if key is None:
            terminal.info("Using W&B in offline mode.")
            Session.mode = "offline"
            return Found()
        try:
            found = Found(check_key(key), "terminal")
            answer = _ask(resolved, terminal, url, found, verify)
        except AuthenticationError as error:
            terminal.error(f"Invalid API key: {error}")
            continue
        _keep(terminal, url, found.key)
        _told(terminal, url, answer)
        return found


def _pages(resolved: Resolved, url: str) -> str:
    """Where the server's pages are."""
    return str(resolved.settings.app_url_override or app_url(url))


def _ask(resolved: Resolved, terminal: Terminal, url: str, found: Found, verify: bool) -> dict[str, Any]:
    """What the daemon says to these credentials; it sends the runs that have waited for them."""
    from wandbd._core_access import core

    limit = float(resolved.settings.x_graphql_timeout_seconds or VERIFY_S)
    server = server_with(resolved, os.environ, url, found)
    answer: dict[str, Any] = core().login(server, verify, bool(found), limit)
    verdict, message = answer.get("verdict"), answer.get("message") or ""
    if verdict == "REFUSED" and found:
        raise AuthenticationError(f"Failed to authenticate with {url}: {message}")
    if verdict == "UNREACHABLE" and found and verify:
        terminal.warn(f"The credentials were not verified with {url}: {message}")
    return answer


def _keep(terminal: Terminal, url: str, key: str) -> None:
    Session.key, Session.host = key, url
    path, machine = netrc_path(os.environ), machines_of(url)[0]
    try:
        if not os.path.exists(path):
            terminal.info("No netrc file found, creating one.")
        write_key(path, machine, key)
        terminal.info(f"Appending key for {machine} to your netrc file: {path}")
    except OSError as error:
        terminal.warn(f"Unable to write {path}: {error}")


def _told(terminal: Terminal, url: str, answer: Mapping[str, Any]) -> None:
    """Say who is logged in, and what became of runs that waited."""
    user, entity = answer.get("username") or "", answer.get("entity") or ""
    team = f" ({entity})" if entity and entity != user else ""
    state = f"Currently logged in as: {user}{team} to {url}" if user else "W&B API key is configured"
    terminal.info(f"{state}. Use `wandbd login --relogin` to force relogin")
    sent, older = answer.get("sent") or (), answer.get("older") or ()
    if sent:
        terminal.info(f"Sending {_runs(len(sent))} that waited for credentials")
    if older:
        terminal.info(f"{_runs(len(older))} waited longer than a day; `wandbd sync` sends them:")
        for run in older:
            terminal.info(f"  {run.get('journal') or run.get('run_id')}")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _remember(terminal: Terminal, resolved: Resolved, url: str) -> None:
    lines = remember_server(
        None if url == DEFAULT_URL else url,
        resolved.settings.settings_system or global_settings_path(os.environ),
        resolved.settings.settings_workspace,
    )
    for line in lines:
        terminal.info(line)
