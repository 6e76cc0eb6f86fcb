"""What W&B users know: the same calls mean the same."""

import json

import pytest

from harness import Backend, Home
from harness.sdk import read_back
from harness.trainer import run as train

# Run with both modules: `said` collects what a user can see.
SCRIPT = """
    import json, sys
    wandb = __import__(sys.argv[1])
    said = {}
    run = wandb.init(project="e2e", id=sys.argv[2], config={"lr": 0.1, "layers": [3, 4]}, tags=["a"], notes="n", group="g", job_type="j")
    run.define_metric("best", summary="max")
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.log({"a": 1}, commit=False)
    run.log({"b": 2})
    said["step"] = run.step
    for value in (1.0, 5.0, 3.0):
        run.log({"best": value, "epoch": value * 2, "val/x": -value})
    run.log({"nested": {"x": {"y": 1}}, "list": [1, 2, 3], "text": "t", "none": None, "flag": True})
    run.log({"late": 1}, step=20)
    wandb.log({"module": 1})
    said["global"] = wandb.run is run
    said["config"] = (run.config["lr"], run.config.lr, wandb.config.layers, "lr" in run.config)
    try:
        run.config.lr = 0.2
    except Exception as error:
        said["config error"] = type(error).__name__
    run.config.update({"lr": 0.3}, allow_val_change=True)
    run.config.setdefaults({"lr": 9, "new": 1})
    run.summary["mine"] = 42
    run.summary.update({"deep": {"er": 1}})
    said["summary"] = (run.summary["best"]["max"] if hasattr(run.summary["best"], "keys") else run.summary["best"], run.summary["mine"])
    said["names"] = (run.id, run.project, run.group, run.job_type, run.notes, list(run.tags))
    run.tags = run.tags + ("b",)
    run.name = "renamed"
    run.finish(exit_code=3)
    said["after"] = wandb.run is None
    try:
        wandb.log({"x": 1})
    except Exception as error:
        said["log error"] = type(error).__name__
    print("said", json.dumps(said))
"""


def test_the_same_script_sees_and_leaves_the_same_with_both_modules(home: Home, backend: Backend, run_id: str) -> None:
    # When the same script runs with `wandb` and with `wandbd`
    said = {}
    for module in ("wandb", "wandbd"):
        trainer = train(home, SCRIPT, module, f"{run_id}-{module}", limit_s=90)
        said[module] = json.loads(trainer.said("said"))
        said[module]["names"].remove(f"{run_id}-{module}")
        backend.finished(f"{run_id}-{module}")

    # Then it was told the same, and its runs read back the same
    assert said["wandbd"] == said["wandb"]
    read = {module: read_back(home, backend, f"{run_id}-{module}") for module in said}
    runs = {module: backend.run(f"{run_id}-{module}") for module in said}
    volatile = ("_timestamp", "_runtime", "_wandb")
    for what in ("config", "summary"):
        mine, theirs = ({key: value for key, value in read[module][what].items() if key not in volatile} for module in ("wandbd", "wandb"))
        assert mine == theirs, what
    rows = {
        module: [{k: v for k, v in row.items() if k not in volatile} for row in backend.history(f"{run_id}-{module}")] for module in said
    }
    assert rows["wandbd"] == rows["wandb"]
    for key in ("displayName", "group", "jobType", "tags", "notes", "exitcode", "state"):
        assert runs["wandbd"][key] == runs["wandb"][key], key


@pytest.mark.parametrize("text", ["plain", "progress", "unicode"])
def test_the_console_arrives_as_a_terminal_would_show_it(text: str, home: Home, backend: Backend, run_id: str) -> None:
    # When a script writes to its terminal
    written = {
        "plain": "print('one'); print('two', file=sys.stderr); print('three')",
        "progress": "[print(f'\\r{i} of 3', end='', flush=True) for i in range(4)]; print(); print('done')",
        "unicode": "print('größe 日本語 🦀'); sys.stdout.write('no end of line')",
    }[text]
    seen = {
        "plain": ["one", "two", "three"],
        "progress": ["3 of 3", "done"],
        "unicode": ["größe 日本語 🦀", "no end of line"],
    }[text]
    name = f"{run_id}-{text}"
    script = f"""
        import sys
        import wandbd as wandb
        run = wandb.init(project="e2e", id="{name}")
        {written}
        run.finish()
    """
    trainer = train(home, script)

    # Then the run's console shows the same lines, and the terminal was not robbed of them
    run = backend.finished(name)
    lines = backend.console(name).split("\n")
    assert [line for line in lines if not line.startswith("wandb:")][: len(seen)] == seen
    assert any(seen[0] in line for line in trainer.lines)
    log = next(file for file in run["files"] if file["name"] == "output.log")
    content = backend.download(log["url"]).decode()
    assert all(line in content for line in seen)
