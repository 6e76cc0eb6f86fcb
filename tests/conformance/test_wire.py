"""What the server saw while all scripts ran through `wandbd`: the habits that it asks of a client."""

import json
from itertools import pairwise
from typing import Any

import pytest

from harness.chaos import Seen
from sides import IDLE_RUN, Both

APPENDED = ("wandb-history.jsonl", "wandb-events.jsonl")


@pytest.fixture(scope="module")
def posts(both: Both) -> dict[str, list[tuple[Seen, dict[str, Any]]]]:
    """Return the accepted posts of each run in their order, each with its body."""
    assert both.ours.chaos is not None
    found: dict[str, list[tuple[Seen, dict[str, Any]]]] = {}
    for seen in both.ours.chaos.seen("file_stream"):
        if seen.status == 200:
            found.setdefault(seen.target, []).append((seen, json.loads(seen.body or b"{}")))
    assert found
    return found


def test_no_rule_of_the_server_is_broken(both: Both) -> None:
    violations = {run["name"]: both.ours.backend.run(run["name"])["violations"] for run in both.ours.backend.runs()}
    assert not {name: found for name, found in violations.items() if found}


def test_every_post_is_accepted(both: Both) -> None:
    assert both.ours.chaos is not None
    refused = [(seen.target, seen.status) for seen in both.ours.chaos.seen("file_stream") if seen.status not in (200, None)]
    assert not refused


def test_a_run_posts_at_most_twice_a_second(posts: dict[str, list[tuple[Seen, dict[str, Any]]]]) -> None:
    # Two posts may follow each other at once (the closing post does not wait), three never within a second.
    for target, sent in posts.items():
        times = [seen.time for seen, _ in sent]
        close = [third - first for first, third in zip(times, times[2:], strict=False) if third - first < 0.95]
        assert not close, f"{target}: {close}"


def test_lines_follow_each_other_without_holes(posts: dict[str, list[tuple[Seen, dict[str, Any]]]]) -> None:
    for target, sent in posts.items():
        for name in APPENDED:
            chunks = [body["files"][name] for _, body in sent if name in body.get("files", {})]
            for before, after in pairwise(chunks):
                end = before["offset"] + len(before["content"])
                assert after["offset"] in (before["offset"], end) or _reopened(sent, after), (
                    f"{target} {name}: {after['offset']} after {end}"
                )


def _reopened(sent: list[tuple[Seen, dict[str, Any]]], chunk: dict[str, Any]) -> bool:
    """Whether the run had ended before this chunk and was opened again: a rewind goes back."""
    before = [body for _, body in sent if body.get("files", {}).get("wandb-history.jsonl") is not chunk]
    return any(body.get("complete") for body in before)


def test_complete_is_the_last_word_of_a_run(posts: dict[str, list[tuple[Seen, dict[str, Any]]]], both: Both) -> None:
    # What follows `complete` belongs to a run that was resumed: an upsert has opened it again.
    assert both.ours.chaos is not None
    opened = [(seen.time, seen.body) for seen in both.ours.chaos.seen("graphql") if b"upsertBucket" in seen.body]
    for target, sent in posts.items():
        run_id = target.split("/")[-2].encode()
        for (before, body), (after, _) in pairwise(sent):
            if body.get("complete"):
                again = [time for time, upsert in opened if run_id in upsert and before.time < time < after.time]
                assert again, f"{target}: a post after the closing one"
        assert sent[-1][1].get("complete"), f"{target}: never completed"


def test_signed_addresses_never_see_the_key_and_everything_else_does(both: Both) -> None:
    assert both.ours.chaos is not None
    uploads = both.ours.chaos.seen("upload")
    assert uploads
    assert not [seen.target for seen in uploads if seen.authorization]
    for route in ("graphql", "file_stream"):
        bare = [seen.target for seen in both.ours.chaos.seen(route) if not seen.authorization]
        assert not bare


def test_files_are_named_as_uploaded_only_after_they_are(both: Both, posts: dict[str, list[tuple[Seen, dict[str, Any]]]]) -> None:
    named = [name for sent in posts.values() for _, body in sent for name in body.get("uploaded", [])]
    assert "wandb-metadata.json" in named


def test_a_silent_run_shows_within_thirty_seconds_that_it_lives(both: Both) -> None:
    times = both.ours.backend.run(IDLE_RUN)["postTimes"]
    if not both.complete:
        pytest.skip("only some scripts were run")
    assert len(times) >= 3
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) <= 32, gaps
