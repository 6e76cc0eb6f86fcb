"""Waiting for a condition with a limit: the only place of these tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T | None], limit_s: float, what: str, every_s: float = 0.03) -> T:
    """Return the first true value of `condition`, asked again and again for `limit_s` seconds.

    What is waited for happens in other processes, which cannot wake this one: so it polls, and the pause between two looks is there
    to leave the processor to them. An AssertionError of the condition counts as "not yet"; its text is in the failure.
    """
    limit = time.monotonic() + limit_s
    last = "it never became true"
    while True:
        try:
            value = condition()
            if value:
                return value
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > limit:
            raise AssertionError(f"within {limit_s:g} s: {what}; at last: {last}")
        time.sleep(every_s)


def pause(seconds: float) -> None:
    """Let the other processes work until a seeded moment at which a fault strikes; nothing is assumed of what they have done by then."""
    time.sleep(seconds)
