"""log_model, use_model, and a model linked to the registry."""
# points: 11
# online:
# projects: model-registry

import os
from pathlib import Path

from conformance import say, tried, wandb

os.makedirs("folder/sub")
Path("folder/a").write_text("a", encoding="utf-8")
Path("folder/sub/b").write_text("b", encoding="utf-8")
Path("model.bin").write_bytes(b"model" * 1000)
with wandb.init(id="c111", name="models") as run:
    say("nothing", run.log_model("model.bin"))
    run.log_model("folder", name="folder111", aliases=["prod"])
    wandb.log_model("model.bin", name="again111")
    with tried("no such file"):
        run.log_model("none.bin")
    with tried("a wrong name"):
        run.log_model("model.bin", name="no blanks")
with wandb.init(id="c111b", name="uses models") as run:
    say("file", os.path.relpath(run.use_model("again111:latest")))
    folder = run.use_model("folder111:prod")
    say("folder", [os.path.relpath(folder), sorted(os.listdir(folder))])
    other = wandb.Artifact("other111", type="dataset")
    with other.new_file("x") as file:
        file.write("x")
    run.log_artifact(other).wait()
    with tried("no model"):
        run.use_model("other111:latest")
    linked = run.link_model("model.bin", "registered111", name="again111", aliases=["chosen"])
    say("linked", [linked.name, linked.is_link, linked.source_name, linked.project])
    with tried("a path as name"):
        run.link_model("model.bin", "a/b")
