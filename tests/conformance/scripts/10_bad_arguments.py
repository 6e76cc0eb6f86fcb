"""Ids, projects, tags and modes that cannot be are refused, each by its kind of error."""
# points: 2
# online:

from typing import Any

from conformance import outcome, wandb

CASES: dict[str, dict[str, Any]] = {
    "empty id": {"id": ""},
    "blank around id": {"id": " x "},
    "slash in id": {"id": "a/b"},
    "hash in id": {"id": "a#b"},
    "slash in project": {"project": "a/b"},
    "long project": {"project": "p" * 129},
    "empty tag": {"tags": [""]},
    "long tag": {"tags": ["t" * 65]},
    "mode": {"mode": "sometimes"},
    "resume": {"resume": "perhaps"},
    "reinit": {"reinit": "perhaps"},
    "resume and fork": {"resume_from": "x?_step=1", "fork_from": "x?_step=1"},
    "resume and resume_from": {"resume": "allow", "resume_from": "x?_step=1"},
    "fork to itself": {"id": "x", "fork_from": "x?_step=1"},
    "fork without step": {"fork_from": "x"},
    "fork by another metric": {"fork_from": "x?loss=1"},
    "resume_from of another run": {"id": "y", "resume_from": "x?_step=1"},
    "unknown setting": {"settings": {"no_such_setting": 1}},
    "include and exclude": {"config": {"a": 1}, "config_include_keys": ["a"], "config_exclude_keys": ["a"]},
}
for what, words in CASES.items():
    outcome(what, wandb.init, **words)
    assert wandb.run is None, what
run = wandb.init(id="c10", name="good")
run.log({"x": 1})
run.finish()
