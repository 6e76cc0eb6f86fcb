"""A run as users see it, read from the server and freed of what differs between any two runs of one script.

Taken out everywhere: moments (`_timestamp`, `_runtime`, `startedAt`, times of console lines), random ids, addresses of servers and
names of temporary folders (replaced by words), telemetry of the client (`_wandb.t`, `e`, `cli_version`, `python_version`), and the lines
that a client itself says on the terminal ("wandb: ..."), which its console may catch or not, depending on when they are said.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

import compare_artifacts
import compare_media
from harness import Backend

Tree = dict[str, Any]

TIMES = ("_timestamp", "_runtime")
NAMES = ("displayName", "state", "exitcode", "group", "jobType", "tags", "notes", "host", "program", "repo", "commit", "stopped", "project")
TELEMETRY = ("t", "e", "cli_version", "python_version")
OWN_WORDS = re.compile(r"wandb:(\s|$)")
CHUNKS = "logs/*"
VOLATILE_FACTS = ("startedAt", "writerId", "disk", "memory")


class _Yaml(yaml.SafeLoader):  # type: ignore[misc]
    """Takes `1e+30` for a number and a date for a text, as YAML 1.2 does."""

    yaml_implicit_resolvers = {
        letter: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Yaml.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))


class Words:
    """Replaces what is different in each run by words that are not."""

    def __init__(self, replaced: dict[str, str]) -> None:
        """Longer texts are replaced first."""
        self._replaced = sorted(replaced.items(), key=lambda pair: -len(pair[0]))

    def text(self, text: str) -> str:
        """Return the text with everything replaced."""
        for old, new in self._replaced:
            text = text.replace(old, new)
        text = re.sub(r"\d{8}_\d{6}(_\d{9})?", "<time>", text)
        return re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>", text)

    def tree(self, value: Any) -> Any:
        """Return the same for all texts and keys of a tree."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.tree(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(item) for item in value]
        return value


def run(backend: Backend, short: Tree, words: Words) -> Tree:
    """Return one run."""
    run_id = short["name"]
    whole = backend.run(run_id)
    found: Tree = {name: whole[name] for name in NAMES}
    if re.fullmatch(r"[a-z]+-[a-z]+-\d+", str(found["displayName"])):
        found["displayName"] = "<made up by the server>"
    config = dict(whole["config"])
    found["config"], found["charts"] = _config(config)
    found["summary"] = _timeless(_parsed(whole["summary"]))
    found["history"] = [_timeless(json.loads(line)) for line in backend._lines(run_id, "history")]
    found["console"] = [_console_line(line) for line in backend._lines(run_id, "console") if not OWN_WORDS.match(line["text"])]
    found["files"] = {}
    for file in sorted(whole["files"], key=lambda file: str(file["name"])):
        content = _file(file["name"], backend.download(file["url"]))
        if content == "" and file["name"] == "output.log":
            continue
        if file["name"].startswith("logs/"):
            # Where the console is cut into files hangs on the moment of each write: what counts is that nothing is missing.
            found["files"][CHUNKS] = found["files"].get(CHUNKS, "") + content
            continue
        found["files"][words.text(file["name"])] = content
    found["alerts"] = [[alert["title"], alert["text"], alert["severity"]] for alert in whole["alerts"]]
    found["artifacts"] = {f"{item['name']}:{item['version']}": _artifact(item) for item in whole["artifacts"]}
    for name, artifact in found["artifacts"].items():
        if artifact["state"] == "COMMITTED":
            artifact.update(compare_artifacts.facts(backend, short["entity"], short["project"], name))
    found["used artifacts"] = {f"{item['name']}:{item['version']}": _artifact(item) for item in whole["usedArtifacts"]}
    replaced: Tree = words.tree(compare_media.settle(found, whole, backend.download))
    return replaced


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _config(config: Tree) -> tuple[Tree, Any]:
    about = dict(config.pop("_wandb", {}))
    if set(about) == {"value"}:
        about = dict(about["value"])
    metrics = about.pop("m", [])
    for key in TELEMETRY:
        about.pop(key, None)
    if about:
        config["_wandb"] = about
    return config, sorted((_metric(metric, metrics) for metric in metrics), key=lambda metric: str(metric["of"]))


def _metric(metric: Tree, metrics: list[Tree]) -> Tree:
    axis = metric.get("5")
    return {
        "of": metric.get("1") or metric.get("2"),
        "family": "2" in metric,
        "over": metrics[axis - 1].get("1") if axis else None,
        "options": sorted(metric.get("6", [])),
        "summary": sorted(metric.get("7", [])),
        "goal": metric.get("8"),
    }


def _timeless(row: Any) -> Any:
    """Return a row or summary that says of times only that they are there."""
    if not isinstance(row, dict):
        return row
    row = {key: "<number>" if key in TIMES and isinstance(value, (int, float)) else value for key, value in row.items()}
    inside = row.get("_wandb")
    if isinstance(inside, dict) and isinstance(inside.get("runtime"), (int, float)):
        row["_wandb"] = inside | {"runtime": "<number>"}
    return row


def _console_line(line: Tree) -> list[Any]:
    return [line.get("level") or ("error" if line.get("error") else None), line.get("label"), line.get("text")]


def _artifact(artifact: Tree) -> Tree:
    return {
        "type": artifact["type"],
        "state": artifact["state"],
        "aliases": sorted(artifact["aliases"]),
        "metadata": artifact["metadata"],
        "description": artifact["description"],
        "tags": sorted(artifact["tags"] or []),
        "files": {file["name"]: file["md5"] for file in artifact["files"]},
    }


def _file(name: str, content: bytes) -> Any:
    """Return the content of a run file in a form that can be compared."""
    if name == "wandb-summary.json":
        return _timeless(json.loads(content))
    if name == "wandb-metadata.json":
        return {key: value for key, value in json.loads(content).items() if key not in VOLATILE_FACTS}
    if name == "config.yaml":
        tree = yaml.load(content, _Yaml) or {}
        config, charts = _config({key: item.get("value") if isinstance(item, dict) else item for key, item in tree.items()})
        return {"config": config, "charts": charts}
    if name == "requirements.txt":
        return dict(line.split("==") for line in sorted(content.decode().split()))
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content.hex()
    if name == "output.log" or name.startswith("logs/"):
        return "".join(line for line in text.splitlines(keepends=True) if not OWN_WORDS.match(line))
    return text


def said(path: Path, words: Words) -> Tree:
    """Return what a script told; the same name told twice is numbered."""
    found: Tree = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            what, value = json.loads(line)
            key, number = what, 2
            while key in found:
                key, number = f"{what} ({number})", number + 1
            found[key] = words.tree(value)
    return found
