"""A version is used by name, and its files come back byte for byte: whole, one, by prefix, checked out and verified."""
# points: 11
# online:

import os
from pathlib import Path
from typing import Any

from conformance import say, tried, wandb


def tree(folder: str) -> dict[str, list[Any]]:
    """Return all files below a folder with their sizes."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = [path.stat().st_size, path.read_bytes()[:20].hex()]
    return found


os.makedirs("data/deep")
Path("data/a.bin").write_bytes(bytes(range(256)) * 1000)
Path("data/deep/b.txt").write_text("text", encoding="utf-8")
Path("data/deep/empty").touch()

with wandb.init(id="c106a", name="makes") as run:
    artifact = wandb.Artifact("used106", type="dataset", metadata={"rows": 3})
    artifact.add_dir("data")
    run.log_artifact(artifact, aliases=["prod"]).wait()
    single = wandb.Artifact("single106", type="dataset")
    single.add_file("data/deep/b.txt")
    run.log_artifact(single).wait()

with wandb.init(id="c106b", name="uses") as run:
    artifact = run.use_artifact("used106:prod", type="dataset")
    say("facts", [artifact.name, artifact.version, artifact.type, artifact.metadata, artifact.file_count, artifact.size, artifact.digest])
    folder = artifact.download()
    say("folder", os.path.relpath(folder))
    say("files", tree(folder))
    artifact.verify()
    say("prefix", tree(artifact.download(root="prefix", path_prefix="deep")))
    say("one", os.path.relpath(artifact.get_entry("deep/b.txt").download(root="one")))
    say("list", sorted([file.name, file.size] for file in artifact.files()))
    say("entry", [artifact.get_entry("a.bin").digest, artifact.get_entry("a.bin").size])
    Path(folder, "more.txt").write_text("x", encoding="utf-8")
    with tried("verify with a file too much"):
        artifact.verify(folder)
    say("checked out", tree(artifact.checkout(folder)))
    Path(folder, "a.bin").write_bytes(b"broken")
    with tried("verify a broken file"):
        artifact.verify(folder)
    say("mended", tree(artifact.download()))
    single = run.use_artifact("single106:v0")
    say("file", os.path.relpath(single.file()))
    with tried("file() of many"):
        artifact.file()
    with tried("no such entry"):
        artifact.get_entry("none")
    with tried("no such version"):
        run.use_artifact("used106:v7")
    with tried("no such artifact"):
        run.use_artifact("none106:latest")
    with tried("another type"):
        run.use_artifact("used106:latest", type="model")
    with tried("no name at all"):
        run.use_artifact(3)
    with tried("a change of what is logged"):
        artifact.add_file("data/a.bin")
