"""The server of a run and how to identify there.

A key that code names beats what `login` said in this process, which beats WANDB_API_KEY or WANDB_IDENTITY_TOKEN_FILE,
which beats netrc, which beats the settings files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandbd._errors import AuthenticationError, SettingsError
from wandbd._netrc import netrc_path, read_key

if TYPE_CHECKING:
    from wandbd._settings import Resolved

DEFAULT_URL = "https://api.wandb.ai"
# Two names of the same hosted service: a key for one is a key for the other.
_HOSTED = ("api.wandb.ai", "api.forge.coreweave.com")
_HOSTED_PAGES = "forge.coreweave.com"
_HOSTED_PATH = "/api/wandb"
KEY_MIN = 40
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Session:
    """What `login` has said in this process."""

    key: str | None = None
    host: str | None = None
    mode: str | None = None
    """`offline` or `disabled`, when a person chose so instead of giving a key."""


def problem_of_key(key: str) -> str | None:
    """What is wrong with the shape of a key, without showing it; None when nothing is."""
    if not key:
        return "API key is empty."
    if _JWT.fullmatch(key):
        return None
    secret = key.partition("-")[2] if "-" in key else key
    if not _KEY.fullmatch(secret):
        return "API key may only contain the letters A-Z, digits and underscores."
    if len(secret) < KEY_MIN:
        return f"API key must have {KEY_MIN}+ characters, has {len(secret)}."
    return None


def check_key(key: str) -> str:
    """The key without blanks around it.

    Raises:
        AuthenticationError: It has the wrong shape; the message does not show it.
    """
    key = key.strip()
    problem = problem_of_key(key)
    if problem is not None:
        raise AuthenticationError(problem)
    return key


def clean_url(url: str) -> str:
    """A base URL without a slash at its end, with the service's other name mapped to the one that takes uploads.

    Raises:
        SettingsError: It is none that takes uploads.
    """
    url = url.strip().rstrip("/")
    scheme, host = url.partition("://")[0].lower(), host_of(url)
    if scheme not in ("http", "https") or not host:
        raise SettingsError(f"base_url should be a URL like {DEFAULT_URL}, not {url!r}")
    if host == _HOSTED_PAGES and not url.endswith(_HOSTED_PATH):
        raise SettingsError(f"base_url {url!r} is the address of pages, use https://{_HOSTED[1]}")
    if host == "wandb.ai" or host.endswith(".wandb.ai"):
        if scheme != "https":
            raise SettingsError(f"base_url {url!r}: http is not secure, please use {DEFAULT_URL}")
        if not host.startswith("api."):
            raise SettingsError(f"base_url {url!r} is not a valid server address, did you mean {DEFAULT_URL}?")
    return DEFAULT_URL if host in (_HOSTED[1], _HOSTED_PAGES) else url


def netloc_of(url: str) -> str:
    """Host and port of a URL, as netrc files name machines."""
    rest = url.partition("://")[2]
    return re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]


def host_of(url: str) -> str:
    """The host of a URL; empty when it has none."""
    return re.sub(r":\d*$", "", netloc_of(url)).lower()


def machines_of(url: str) -> list[str]:
    """The names under which a key for the server may stand in a netrc file."""
    machine = netloc_of(url)
    return [machine, *(name for name in _HOSTED if name != machine)] if machine in _HOSTED else [machine]


def named_url(resolved: Resolved) -> str | None:
    """The server that somebody has named: code, then `login`, then the environment and the settings files."""
    said = resolved.code.get("base_url") or Session.host or resolved.settings.base_url
    return clean_url(said) if said else None


class Found:
    """Credentials, and where they were found."""

    __slots__ = ("key", "source", "token_file")

    def __init__(self, key: str = "", source: str = "", token_file: str = "") -> None:
        """A key or a file with an identity token, or nothing."""
        self.key = key
        self.source = source
        self.token_file = token_file

    def __bool__(self) -> bool:
        """Whether there is something to identify with."""
        return bool(self.source)


def find(resolved: Resolved, environ: Mapping[str, str], url: str) -> Found:
    """The credentials for the server at `url`.

    Raises:
        AuthenticationError: The environment says two of them, or a key that was said has the wrong shape.
    """
    settings = resolved.settings
    explicit = resolved.code.get("api_key")
    if explicit:
        return Found(check_key(explicit), "settings")
    if Session.key and (Session.host or DEFAULT_URL) == url:
        return Found(Session.key, "session")
    if settings.api_key and settings.identity_token_file:
        raise AuthenticationError(
            "Both WANDB_API_KEY and WANDB_IDENTITY_TOKEN_FILE are set, which is not allowed. Unset one of them."
        )
    if settings.api_key:
        problem = problem_of_key(settings.api_key.strip())
        if problem is not None:
            raise AuthenticationError(f"WANDB_API_KEY invalid: {problem}")
        return Found(settings.api_key.strip(), "WANDB_API_KEY")
    if settings.identity_token_file:
        return Found("", "WANDB_IDENTITY_TOKEN_FILE", os.path.abspath(settings.identity_token_file))
    return _in_files(resolved, netrc_path(environ), url)


def _in_files(resolved: Resolved, path: str, url: str) -> Found:
    key, source = read_key(path, machines_of(url)) or "", path
    in_netrc = bool(key)
    if not key and resolved.file_key and clean_url(resolved.file_base_url or DEFAULT_URL) == url:
        key, source = resolved.file_key.strip(), "settings"
    if not key:
        return Found()
    problem = problem_of_key(key)
    if problem is not None:
        resolved.warnings.append(f"{problem} It stands in {source}; the server will probably refuse it.")
    # A key in netrc stays there: the daemon reads the file itself, and again when the key is refused.
    return Found("" if in_netrc else key, source)


def server(resolved: Resolved, environ: Mapping[str, str], lenient: bool = False) -> dict[str, Any]:
    """The `wandbd.v1.Server` for a run: where it goes, how to identify there, and how to get there.

    Args:
        resolved: The settings.
        environ: The environment.
        lenient: Whether wrong credentials are as good as none.

    Raises:
        AuthenticationError: The credentials that were said cannot be.
    """
    named = named_url(resolved)
    url = named or DEFAULT_URL
    try:
        found = find(resolved, environ, url)
    except AuthenticationError:
        if not lenient:
            raise
        found = Found()
    return server_with(resolved, environ, named or (url if found else ""), found)


def server_with(resolved: Resolved, environ: Mapping[str, str], url: str, found: Found) -> dict[str, Any]:
    """The `wandbd.v1.Server` for these credentials at `url`."""
    settings = resolved.settings
    tokens = settings.credentials_file or os.path.join("~", ".config", "wandb", "credentials.json")
    return {
        "base_url": url,
        "api_key": found.key,
        "netrc": netrc_path(environ),  # also when it is not there: the daemon looks again
        "header": dict(settings.x_extra_http_headers or {}),
        "http_proxy": settings.http_proxy or environ.get("HTTP_PROXY") or environ.get("http_proxy") or "",
        "https_proxy": settings.https_proxy or environ.get("HTTPS_PROXY") or environ.get("https_proxy") or "",
        "no_proxy": environ.get("NO_PROXY") or environ.get("no_proxy") or "",
        "ca_bundle": _ca_bundle(environ),
        "insecure": bool(settings.insecure_disable_ssl),
        "app_url": (settings.app_url_override or "").rstrip("/"),
        "username": settings.username or "",
        "email": settings.email or "",
        "identity_token_file": found.token_file,
        "credentials_file": os.path.abspath(os.path.expanduser(tokens)) if found.token_file else "",
        "http_timeout_s": float(settings.x_graphql_timeout_seconds or 0.0),
        "file_transfer_timeout_s": float(settings.x_file_transfer_timeout_seconds or 0.0),
        "file_stream_timeout_s": float(settings.x_file_stream_timeout_seconds or 0.0),
        "transmit_interval_s": float(settings.x_file_stream_transmit_interval or 0.0),
        "post_max_bytes": int(settings.x_file_stream_max_bytes or 0),
        "line_max_bytes": int(settings.x_file_stream_max_line_bytes or 0),
    }


def _ca_bundle(environ: Mapping[str, str]) -> str:
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environ.get(variable)
        if path and os.path.isfile(path):
            return os.path.abspath(path)
    return ""
