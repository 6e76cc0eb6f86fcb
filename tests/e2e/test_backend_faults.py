"""Never in the way, never lost: what goes wrong between the daemon and the server is nobody's business but the daemon's."""

import json
from collections.abc import Callable

import pytest

from harness import Backend, Chaos, Daemon, Fault, Home, Trainer, eventually
from harness.daemon import run_status
from harness.places import SCRIPTS
from harness.trainer import run as train
from harness.whole import arrived

ROWS = 60
WHOLE = SCRIPTS / "whole.py"


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend, chaos: Chaos) -> Home:
    """A home whose trainers reach the backend through the proxy; attempts are given up early, so that a hang is over soon."""
    return make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0", "WANDBD_HTTP_TIMEOUT_S": "3"})


def test_a_backend_that_is_down_for_the_whole_run_holds_up_nothing_and_gets_everything_later(
    home: Home, backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a backend that refuses connections
    chaos.down()
    daemon = Daemon(home)

    # When a whole run passes
    train(home, WHOLE, run_id, ROWS, limit_s=30)
    assert backend.find(run_id) is None

    # Then the daemon says why it waits, and delivers by itself when the backend is back
    waiting = eventually(lambda: _waiting(home, run_id), 30, "status says that the run waits")
    assert waiting["cause"], "status names no cause"
    chaos.up()
    arrived(backend, run_id, ROWS)
    eventually(lambda: run_status(home, run_id)["state"] == "delivered", 30, "status says delivered")
    assert daemon.stop() == 0


def _waiting(home: Home, run_id: str) -> dict[str, str] | None:
    entry = run_status(home, run_id)
    return entry if entry["state"] in ("waiting", "finishing") and entry["cause"] else None


FAULTS = {
    "answers_500": [Fault("answer", times=6, status=500)],
    "answers_503_with_a_page_in_html": [Fault("answer", times=4, status=503, headers={"content-type": "text/html"}, body=b"<h1>busy</h1>")],
    "answers_401_before_it_accepts_the_key": [Fault("answer", routes=("graphql", "file_stream"), times=2, status=401)],
    "answers_401_in_the_middle_of_the_stream": [Fault("answer", routes=("file_stream",), times=2, status=401)],
    "answers_403_on_an_upload_url": [Fault("answer", routes=("upload",), times=2, status=403)],
    "answers_404_on_an_upload_url": [Fault("answer", routes=("upload",), times=2, status=404)],
    "hangs_on_the_first_question": [Fault("hang", routes=("graphql",))],
    "hangs_on_a_post": [Fault("hang", routes=("file_stream",))],
    "hangs_on_an_upload": [Fault("hang", routes=("upload",))],
    "cuts_the_connection_in_the_middle_of_an_answer": [Fault("cut", times=5)],
    "loses_answers_after_it_has_done_the_work": [
        Fault("lose", routes=("file_stream",), times=3),
        Fault("lose", routes=("upload",), times=2),
        Fault("lose", routes=("graphql",), times=3),
    ],
    "takes_half_a_second_for_every_answer": [Fault("delay", times=1000, seconds=0.5)],
}


@pytest.mark.parametrize("what", FAULTS)
def test_everything_arrives_although_the_backend(what: str, home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # Given a backend that is about to fail
    faults = [Fault(**{**vars(fault)}) for fault in FAULTS[what]]
    chaos.inject(*faults)
    Daemon(home)

    # When a run passes
    train(home, WHOLE, run_id, ROWS, limit_s=30)

    # Then all of it arrives as it was logged, and the faults did happen
    arrived(backend, run_id, ROWS, 90)
    assert any(seen.fault for seen in chaos.seen()), "the fault never happened"
    if faults[0].kind != "delay":
        assert chaos.pending() == 0, "not all faults happened"


def test_the_pause_that_the_server_asks_for_is_kept(home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # Given a server that is busy
    chaos.inject(Fault("answer", routes=("file_stream",), times=2, status=429, headers={"Retry-After": "2"}))
    Daemon(home)

    # When a run passes
    train(home, WHOLE, run_id, ROWS)
    arrived(backend, run_id, ROWS)

    # Then nothing was posted earlier than it asked
    posts = chaos.seen("file_stream")
    refused = [number for number, post in enumerate(posts) if post.status == 429]
    assert len(refused) == 2
    for number in refused:
        assert posts[number + 1].time - posts[number].time >= 2.0, "posted within the pause"


def test_signed_addresses_never_see_the_key_and_everything_else_does(home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # When a run with files and an artifact has passed
    Daemon(home)
    train(home, WHOLE, run_id, ROWS)
    arrived(backend, run_id, ROWS)

    # Then no upload carried credentials
    uploads = chaos.seen("upload")
    assert len(uploads) >= 6
    assert not [seen.target for seen in uploads if seen.authorization]
    assert all(seen.authorization for seen in chaos.seen("file_stream"))
    assert all(seen.authorization for seen in chaos.seen("graphql"))


def test_complete_is_the_last_word_of_a_run_and_no_two_posts_overlap(home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # When a run has passed
    Daemon(home)
    train(home, WHOLE, run_id, ROWS)
    arrived(backend, run_id, ROWS)

    # Then exactly the last post completes it, after all uploads
    posts = chaos.seen("file_stream")
    complete = [bool(json.loads(post.body).get("complete")) for post in posts]
    assert complete == [False] * (len(posts) - 1) + [True]
    assert max(seen.time for seen in chaos.seen("upload")) <= posts[-1].time


def test_a_run_to_a_dead_server_does_not_hold_up_a_run_to_another(home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # Given one daemon, and runs to two servers of which one is down
    chaos.down()
    Daemon(home)
    train(home, WHOLE, f"{run_id}-dead", ROWS, limit_s=30)

    # When the other server's run passes, then it arrives
    train(home, WHOLE, f"{run_id}-good", ROWS, env=backend.environment(), limit_s=30)
    arrived(backend, f"{run_id}-good", ROWS)
    assert backend.find(f"{run_id}-dead") is None

    # And the first one does as soon as it can
    chaos.up()
    arrived(backend, f"{run_id}-dead", ROWS)


def test_a_daemon_that_is_stopped_while_the_backend_is_down_goes_on_at_its_next_start(
    home: Home, backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given an undelivered run, and a daemon that was asked to end
    chaos.down()
    daemon = Daemon(home)
    train(home, WHOLE, run_id, ROWS, limit_s=30)
    assert daemon.stop(10) == 0

    # When the next one starts without any trainer, and without the environment that named the server
    chaos.up()
    home.extra.clear()
    daemon.start()

    # Then it delivers with what it kept
    arrived(backend, run_id, ROWS)


def test_a_daemon_ends_within_its_limit_although_clients_hold_streams_open(home: Home, backend: Backend, run_id: str) -> None:
    # Given a trainer in the middle of its run
    daemon = Daemon(home)
    trainer = Trainer(home, SCRIPTS / "paced.py", run_id, 2_000, 2.0)
    trainer.said("acked 1")

    # When the daemon is asked to end, then it does within its five seconds, with success
    assert daemon.stop(5) == 0

    # And the trainer goes on with the next one
    daemon.start()
    trainer.succeeds(60)
    run = backend.finished(run_id)
    assert run["historyLineCount"] == 2_000
