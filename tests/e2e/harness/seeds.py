"""Going through seeds, a few at a time: these tests mostly wait for other processes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def through(seeds: int, check: Callable[[int], None], at_once: int = 4) -> None:
    """Call `check` with 0, 1, ... and fail with all seeds that failed, the first of them in full."""
    failed: dict[int, BaseException] = {}

    def one(seed: int) -> None:
        try:
            check(seed)
        except BaseException as error:  # noqa: BLE001 (what went wrong is raised below, in the test's own thread)
            failed[seed] = error

    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(one, range(seeds)):
            pass
    if failed:
        first = min(failed)
        raise AssertionError(f"of {seeds} seeds failed: {sorted(failed)}; seed {first}: {failed[first]}") from failed[first]
