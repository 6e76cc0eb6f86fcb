"""`make demo` and `make stop`: a daemon with its embedded backend, a small training run, and what arrived, read back.

Everything lies in `.demo/`: the person's own HOME, netrc and W&B settings play no part, so that the run cannot go to their account.
Only the socket lies elsewhere, because its path has to be short.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
DEMO = REPO / ".demo"
WANDBD = Path(sys.executable).parent / "wandbd"
PROJECT = "digits"


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def environment() -> dict[str, str]:
    """Return the environment of the demo's daemon and of its training process."""
    (DEMO / "home").mkdir(parents=True, exist_ok=True)
    (DEMO / "state").mkdir(mode=0o700, exist_ok=True)
    note = DEMO / "socket-directory"
    short = Path(note.read_text()) if note.exists() else None
    if short is None or not short.is_dir():
        short = Path(tempfile.mkdtemp(prefix="wandbd-demo-", dir="/tmp"))
        note.write_text(str(short))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "XDG_"))}
    return kept | {
        "HOME": str(DEMO / "home"),
        "WANDBD_STATE_DIR": str(DEMO / "state"),
        "WANDBD_SOCKET": str(short / "v1.sock"),
        "WANDBD_AUTOSTART": "0",
        "WANDBD_FINISH": "delivered",
        # The default is 15 seconds; this training is hardly longer.
        "WANDB_X_STATS_SAMPLING_INTERVAL": "1",
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def wandbd(*words: str, check: bool = True) -> str:
    """Run a command of the daemon's program and return what it printed."""
    done = subprocess.run([str(WANDBD), *words], env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    if check and done.returncode != 0:
        raise SystemExit(f"`wandbd {' '.join(words)}` failed with {done.returncode}")
    return done.stdout


def run() -> None:
    """Train, wait for delivery, and show what the backend holds."""
    wandbd("stop", check=False)
    wandbd("start", "--local")
    local = embedded()
    say(f"the daemon runs; its embedded backend is at {local['url']}")
    before = {run["name"] for run in ask(local, "/api/runs")}
    say("training on 1,797 handwritten digits (about half a minute) ...")
    example = REPO / "clients" / "python" / "examples" / "digits.py"
    subprocess.run([sys.executable, str(example)], env=environment(), cwd=DEMO, check=True)
    summary(local, before)


def embedded() -> dict[str, str]:
    """Return where the daemon's embedded backend is, its key, and the token of its page."""
    local = json.loads(wandbd("status", "--json"))["local"]
    data = Path(local["data"])
    return {
        "url": local["url"],
        "api_key": (data / "api-key").read_text().strip(),
        "token": (data / "page-token").read_text().strip(),
    }


def ask(local: dict[str, str], path: str) -> Any:
    """Return an answer of the backend."""
    token = base64.b64encode(f"api:{local['api_key']}".encode()).decode()
    request = urllib.request.Request(local["url"] + path, headers={"Authorization": f"Basic {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def complete(local: dict[str, str], before: set[str]) -> dict[str, Any]:
    """Wait until the backend has the new run's last word."""
    limit = time.monotonic() + 120
    while True:
        new = [run for run in ask(local, "/api/runs") if run["name"] not in before and run["project"] == PROJECT]
        if new and new[0]["state"] in ("finished", "failed", "crashed"):
            found: dict[str, Any] = new[0]
            return found
        if time.monotonic() > limit:
            raise SystemExit("the run did not arrive within two minutes; `wandbd status` says why")
        # The backend is another process that cannot wake this one.
        time.sleep(0.2)


def summary(local: dict[str, str], before: set[str]) -> None:
    """Print what the backend holds of the run."""
    short = complete(local, before)
    path = f"{short['entity']}/{short['project']}"
    run = ask(local, f"/api/runs/{path}/{short['name']}")
    events = run.get("eventsLineCount", 0)
    say()
    say("Read back from the backend:")
    say(f"  run        {path}/{short['name']}  {short.get('displayName') or ''}  {run['state']}, exit code {run['exitcode']}")
    say(f"  history    {run['historyLineCount']} rows; system metrics: {events} rows")
    shown = {key: value for key, value in run["summary"].items() if not key.startswith("_")}
    for key in sorted(shown):
        value = shown[key]
        say(f"  summary    {key} = {value:.4g}" if isinstance(value, float) else f"  summary    {key} = {value}")
    for file in run["files"]:
        say(f"  file       {file['name']}  {file['size']:,} bytes")
    for artifact in run["artifacts"]:
        aliases = ", ".join(artifact["aliases"])
        say(f"  artifact   {artifact['name']}:{version(artifact)}  {artifact['type']}  {artifact['size']:,} bytes  [{aliases}]")
    say()
    say(f"Look at it: {local['url']}/{path}/runs/{short['name']}?token={local['token']}")
    say("The daemon goes on running; `make stop` ends it.")


def version(artifact: dict[str, Any]) -> str:
    """Return the version of an artifact as W&B writes it."""
    found = str(artifact["version"])
    return found if found.startswith("v") else f"v{found}"


def stop() -> None:
    """End the daemon; what it stored stays in `.demo/`."""
    note = DEMO / "socket-directory"
    if not note.exists():
        say("nothing to stop")
        return
    wandbd("stop", check=False)
    shutil.rmtree(note.read_text(), ignore_errors=True)
    note.unlink()
    say("the demo's daemon is stopped; its runs stay in .demo/")


if __name__ == "__main__":
    {"run": run, "stop": stop}[sys.argv[1]]()
