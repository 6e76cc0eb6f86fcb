"""A question for an API key, at a terminal or in a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbd._term import Terminal

_NEW = "Create a W&B account"
_EXISTING = "Use an existing W&B account"
_OFFLINE = "Don't visualize my results"


def possible(notebook: bool) -> bool:
    """Whether there is somebody to ask."""
    if notebook:
        return True
    try:
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def key(terminal: Terminal, app: str, force: bool, limit: float | None, referrer: str) -> str | None:
    """The key that was typed; None if the person wants to go on without one.

    Args:
        terminal: For what is said before the question.
        app: Address of the server's pages.
        force: Whether there must be a key.
        limit: How many seconds to wait for the choice.
        referrer: Named in the address at which a key is made.

    Raises:
        TimeoutError: Nobody chose in time.
    """
    import getpass

    choices = [_EXISTING] if force else [_NEW, _EXISTING, _OFFLINE]
    choice = _choice(terminal, choices, limit)
    if choice == _OFFLINE:
        return None
    page = f"{app.rstrip('/')}/authorize?{'signup=true&' if choice == _NEW else ''}ref={referrer}"
    terminal.info(f"{'Create an account here' if choice == _NEW else 'Create a new API key at'}: {page}")
    terminal.info("Store your API key securely and do not share it.")
    return getpass.getpass("wandb: Paste your API key and hit enter: ").strip()


def _choice(terminal: Terminal, choices: list[str], limit: float | None) -> str:
    for number, choice in enumerate(choices, 1):
        terminal.info(f"({number}) {choice}")
    while True:
        answer = _line("wandb: Enter your choice: ", limit).strip()
        if answer.isdigit() and 1 <= int(answer) <= len(choices):
            chosen = choices[int(answer) - 1]
            terminal.info(f"You chose {chosen!r}")
            return chosen
        terminal.info("Invalid choice")


def _line(question: str, limit: float | None) -> str:
    if limit:
        import select

        sys.stderr.write(question)
        sys.stderr.flush()
        if not select.select([sys.stdin], [], [], limit)[0]:
            raise TimeoutError
        answer = sys.stdin.readline()
    else:
        answer = input(question) + "\n"
    if not answer:
        raise EOFError("the terminal was closed")
    return answer
