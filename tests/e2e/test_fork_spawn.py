"""Children of a training process log to their parent's run: nothing hangs, nothing is lost, nothing comes twice."""

import pytest

from harness import Backend, Home
from harness.places import SCRIPTS
from harness.trainer import run as train


def has_all(backend: Backend, run_id: str, parent: int, children: int, child_rows: int) -> None:
    """Every row of the parent and of every child is there once, in each one's own order, and steps are those of one run."""
    rows = backend.history(run_id)
    assert [row["parent"] for row in rows if "parent" in row] == list(range(parent))
    for child in range(children):
        assert [row["number"] for row in rows if row.get("child") == child] == list(range(child_rows)), f"child {child}"
    assert len(rows) == parent + children * child_rows
    assert [row["_step"] for row in rows] == list(range(len(rows)))


def test_a_hundred_forked_children_log_to_the_run_while_the_parent_logs(home: Home, backend: Backend, run_id: str) -> None:
    # When a process forks a hundred times in the middle of logging
    trainer = train(home, SCRIPTS / "forks.py", run_id, 100, 5, limit_s=150)

    # Then all rows are there, and the run was ended by its owner only
    run = backend.finished(run_id)
    has_all(backend, run_id, int(trainer.last("parent ") or 0), 100, 5)
    assert run["exitcode"] == 0
    assert not run["violations"]


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_ten_workers_of_multiprocessing_log_to_the_run_without_saying_goodbye(
    method: str, home: Home, backend: Backend, run_id: str
) -> None:
    # When ten workers log and just return
    trainer = train(home, SCRIPTS / "spawns.py", run_id, method, 10, 50, limit_s=120)

    # Then their rows are there, too
    run = backend.finished(run_id)
    has_all(backend, run_id, int(trainer.last("parent ") or 0), 10, 50)
    assert run["exitcode"] == 0
