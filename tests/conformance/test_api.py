"""The real `wandb.Api()` reads every run that went through `wandbd`."""

import json
import math
import subprocess
from pathlib import Path
from typing import Any

from harness.places import PYTHON
from sides import Both

READER = Path(__file__).with_name("reader.py")


def test_the_public_api_reads_all_our_runs(both: Both) -> None:
    # Given all runs that went through wandbd
    backend = both.ours.backend
    shorts = {f"{short['entity']}/{short['project']}/{short['name']}": short for short in backend.runs()}
    assert shorts

    # When the real API reads them
    done = subprocess.run(
        [PYTHON, str(READER), *shorts],
        env=both.ours.home.environment(backend.environment()),
        cwd=both.ours.home.work,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    read: dict[str, Any] = json.loads(done.stdout)

    # Then it finds what the server has
    wrong = [f"{path}: {what}" for path, short in shorts.items() for what in _wrong(read[path], backend, short)]
    assert not wrong, "\n".join(wrong)


def _wrong(read: dict[str, Any], backend: Any, short: dict[str, Any]) -> list[str]:
    whole = backend.run(short["name"])
    history = [json.loads(line) for line in backend._lines(short["name"], "history")]
    config = {key: value for key, value in whole["config"].items() if key != "_wandb"}
    expected = {
        "state": whole["state"],
        "name": whole["displayName"],
        "tags": sorted(whole["tags"]),
        "notes": whole["notes"],
        "group": whole["group"],
        "job_type": whole["jobType"],
        "config": _plain(config),
        "steps": max((row["_step"] for row in history), default=-1),
        "files": {file["name"]: file["size"] for file in whole["files"]},
        "artifacts": sorted(f"{item['name']}:{item['version']}" for item in whole["artifacts"]),
    }
    read["config"] = _plain(read["config"])
    found = [f"{what} is {read[what]!r} and not {value!r}" for what, value in expected.items() if read[what] != value]
    rows = [_plain(row) for row in sorted(history, key=lambda row: int(row["_step"]))]
    if [_plain(row) for row in read["scanned"]] != rows:
        found.append(f"scan_history gives {read['scanned']!r} and not {rows!r}")
    if len(read["sampled"]) != len(rows):
        found.append(f"history gives {len(read['sampled'])} rows and not {len(rows)}")
    if set(read["summary"]) - {"_wandb"} != set(whole["summary"]) - {"_wandb"}:
        found.append(f"summary has {sorted(read['summary'])} and not {sorted(whole['summary'])}")
    return found


def _plain(value: Any) -> Any:
    """Return a row without keys that a scan filled up, and with numbers that are none as words: NaN is not equal to itself."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return float(value)  # The API of the SDK reads it so.
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value
