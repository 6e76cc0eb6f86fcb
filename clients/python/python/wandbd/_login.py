"""`login` without questions: it takes a key for this process, or says whether one is known."""

from __future__ import annotations

import os

from wandbd._credentials import Session, check_key, clean_url, server
from wandbd._errors import UsageError
from wandbd._settings import resolve
from wandbd._term import Terminal


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    referrer: str | None = None,
    prompt: bool = True,
    anonymous: object = None,
) -> bool:
    """Set the API key that runs of this process use, or see whether there is one.

    Nothing is asked on the terminal and no server is contacted: a wrong key shows as the cause in `wandbd status`.

    Args:
        key: The key. Without it the usual places are looked at: WANDB_API_KEY, netrc, the settings file.
        relogin: Whether to forget a key given earlier in this process.
        host: The server's address.
        force: Whether a missing key is an error.
        timeout: There is nothing to wait for.
        verify: Only the shape of the key is verified.
        referrer: Not used by W&B either.
        prompt: There is no prompt.
        anonymous: Gone from W&B.

    Returns:
        Whether there is a key now.

    Raises:
        AuthenticationError: The key has the wrong shape.
        UsageError: There is none and `force` was said.
    """
    if relogin:
        Session.key = None
    if host:
        Session.host = clean_url(host)
    if key is not None:
        Session.key = check_key(key)
        return True
    resolved = resolve({}, None, os.environ, os.getcwd())
    if server(resolved, os.environ)["api_key"]:
        return True
    if force:
        raise UsageError("No API key configured. Set WANDB_API_KEY, or call login(key=...)")
    Terminal(resolved.settings).warn("No API key configured. Set WANDB_API_KEY, or call login(key=...)")
    return False
