"""A version is made from an earlier one: by a draft of it, and as changes to it."""
# points: 11
# online:

from conformance import say, wandb

with wandb.init(id="c109", name="drafts") as run:
    artifact = wandb.Artifact("base109", type="dataset", metadata={"v": 0}, description="base")
    for name in ("a.txt", "b/c.txt", "d.txt"):
        with artifact.new_file(name) as file:
            file.write(name)
    run.log_artifact(artifact).wait()
    draft = artifact.new_draft()
    draft.remove("b")
    with draft.new_file("e.txt") as file:
        file.write("e")
    say("draft", [sorted(draft.manifest.entries), draft.digest, draft.metadata, draft.description])
    run.log_artifact(draft).wait()
    say("next", [draft.version, draft.digest, draft.size, draft.file_count])

    changes = wandb.Artifact("base109", type="dataset", incremental=True)
    with changes.new_file("f.txt") as file:
        file.write("f")
    with changes.new_file("a.txt") as file:
        file.write("another")
    run.log_artifact(changes).wait()
    say("changes", [changes.version, changes.incremental, changes.file_count, sorted(changes.manifest.entries)])
