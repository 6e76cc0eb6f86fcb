"""What is refused, and what is known of an artifact that was never logged."""
# points: 11

from conformance import outcome, say, tried, wandb

for name in ("ok-1._", "with blank", "slash/es", "", "x" * 128, "x" * 129, "ünï", "colon:v0"):
    with tried(f"name {name[:12]} of {len(name)}"):
        wandb.Artifact(name, type="dataset")
for name, kind in (("a", "job"), ("a", "wandb-x"), ("run-a", "run_table"), ("a", "run_table"), ("source-a", "code"), ("a", "code")):
    with tried(f"{name} of type {kind}"):
        wandb.Artifact(name, type=kind)
artifact = wandb.Artifact("misuse112", type="dataset")
for path in ("/absolute", "../up", "a/../../b", ".", "a//b", "./c"):
    with open("f.txt", "w", encoding="utf-8") as file:
        file.write("f")
    with tried(f"path {path}"):
        artifact.add_file("f.txt", path)
say("paths", sorted(artifact.manifest.entries))
with tried("no file"):
    artifact.add_file("none")
with tried("a folder as file"):
    artifact.add_file(".")
with tried("a file as folder"):
    artifact.add_dir("f.txt")
with tried("a policy"):
    artifact.add_file("f.txt", policy="sometimes")
with tried("no object"):
    artifact.add({"a": 1}, "x")
for name in ("version", "entity", "project", "commit_hash", "created_at", "file_count", "url", "history_step", "source_version", "ttl"):
    with tried(name):
        getattr(artifact, name)
for name in ("download", "verify", "checkout", "file", "files", "logged_by", "used_by", "delete", "unlink", "new_draft", "wait"):
    with tried(name):
        getattr(artifact, name)()
with tried("get"):
    artifact.get("x")
say("known", [artifact.id, artifact.name, artifact.state, artifact.is_link, artifact.source_name])
say("more", [artifact.incremental, artifact.distributed_id])
with wandb.init(id="c112", name="misuse") as run:
    run.log_artifact(artifact)
    for name in ("add_file", "add_reference", "remove"):
        with tried(f"{name} of what is logged"):
            getattr(artifact, name)("f.txt")
    outcome("no artifact", run.log_artifact, 3)
    outcome("no path", run.log_artifact, "none")
with tried("after the end"):
    run.log_artifact(wandb.Artifact("late112", type="dataset"))
