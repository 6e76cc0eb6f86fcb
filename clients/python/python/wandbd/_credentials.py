"""The server of a run and the key for it: argument or login, then environment, then netrc, then a settings file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandbd._errors import AuthenticationError, SettingsError

if TYPE_CHECKING:
    from wandbd._settings import Resolved

DEFAULT_URL = "https://api.wandb.ai"
# Two names of the same hosted service: a key for one is a key for the other.
_HOSTED = ("api.wandb.ai", "api.forge.coreweave.com")
_HOSTED_PAGES = "forge.coreweave.com"
KEY_MIN = 40
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Session:
    """What `login` has said in this process."""

    key: str | None = None
    host: str | None = None


def problem_of_key(key: str) -> str | None:
    """What is wrong with the shape of a key, without showing it; None when nothing is."""
    if not key:
        return "API key is empty."
    if _JWT.fullmatch(key):
        return None
    secret = key.partition("-")[2] if "-" in key else key
    if not _KEY.fullmatch(secret):
        return "API key may only contain the letters A-Z, digits, underscores and dashes."
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
    """A base URL without a slash at its end, with the service's other name mapped to the one that takes uploads."""
    url = url.strip().rstrip("/")
    scheme, host = url.partition("://")[0].lower(), host_of(url)
    if scheme not in ("http", "https") or not host:
        raise SettingsError(f"wrong value {url!r} of base_url: should be a URL like {DEFAULT_URL}")
    if host == "wandb.ai" or host.endswith(".wandb.ai"):
        if scheme != "https":
            raise SettingsError(f"wrong value {url!r} of base_url: http is not secure, use {DEFAULT_URL}")
        if not host.startswith("api."):
            raise SettingsError(f"wrong value {url!r} of base_url: this is the address of pages, use {DEFAULT_URL}")
    return DEFAULT_URL if host in (_HOSTED[1], _HOSTED_PAGES) else url


def netloc_of(url: str) -> str:
    """Host and port of a URL, as netrc files name machines."""
    rest = url.partition("://")[2]
    return re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]


def host_of(url: str) -> str:
    """The host of a URL; empty when it has none."""
    return re.sub(r":\d*$", "", netloc_of(url)).lower()


def netrc_path(environ: Mapping[str, str]) -> str:
    """The netrc file in force, whether it is there or not."""
    if environ.get("NETRC"):
        return os.path.abspath(os.path.expanduser(environ["NETRC"]))
    home = os.path.expanduser("~")
    plain, other = os.path.join(home, ".netrc"), os.path.join(home, "_netrc")
    return other if os.path.isfile(other) and not os.path.isfile(plain) else plain


def _from_netrc(path: str, url: str) -> str | None:
    if not os.path.isfile(path):
        return None
    import netrc

    machine = netloc_of(url)
    machines = [machine, *(name for name in _HOSTED if name != machine)] if machine in _HOSTED else [machine]
    try:
        hosts = netrc.netrc(path).hosts
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return None
    for name in machines:
        if name in hosts and hosts[name][2]:
            return hosts[name][2]
    return None


def server(resolved: Resolved, environ: Mapping[str, str]) -> dict[str, Any]:
    """The `wandbd.v1.Server` for a run: where it goes, with which key, and how to get there."""
    settings = resolved.settings
    named = Session.host or settings.base_url
    url = clean_url(named) if named else DEFAULT_URL
    path = netrc_path(environ)
    key = Session.key or settings.api_key
    # A key in netrc stays there: the daemon reads the file itself, and again when the key is refused.
    in_netrc = None if key else _from_netrc(path, url)
    file_url = clean_url(resolved.file_base_url) if resolved.file_base_url else DEFAULT_URL
    if not key and not in_netrc and resolved.file_key and file_url == url:
        key = resolved.file_key
    if key or in_netrc:
        key = (key or "").strip()
        problem = problem_of_key(key or (in_netrc or "").strip())
        if problem is not None:
            resolved.warnings.append(f"{problem} The server will probably refuse it.")
    return {
        "base_url": url if named or key or in_netrc else "",
        "api_key": key or "",
        "netrc": path,  # also when it is not there: the daemon looks again
        "header": dict(settings.x_extra_http_headers or {}),
        "http_proxy": settings.http_proxy or environ.get("HTTP_PROXY") or environ.get("http_proxy") or "",
        "https_proxy": settings.https_proxy or environ.get("HTTPS_PROXY") or environ.get("https_proxy") or "",
        "no_proxy": environ.get("NO_PROXY") or environ.get("no_proxy") or "",
        "ca_bundle": _ca_bundle(environ),
        "insecure": bool(settings.insecure_disable_ssl),
        "app_url": (settings.app_url_override or "").rstrip("/"),
        "username": settings.username or "",
        "email": settings.email or "",
    }


def _ca_bundle(environ: Mapping[str, str]) -> str:
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environ.get(variable)
        if path and os.path.isfile(path):
            return os.path.abspath(path)
    return ""
