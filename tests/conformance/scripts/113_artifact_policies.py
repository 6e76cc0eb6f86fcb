"""Files that change right after they were added are uploaded as they were."""
# points: 11
# online:

from pathlib import Path

from conformance import say, wandb

with wandb.init(id="c113", name="policies") as run:
    for number in range(3):
        Path("small").write_text(f"small {number}", encoding="utf-8")
        Path("large").write_bytes(bytes([number]) * 3_000_000)
        artifact = wandb.Artifact("checkpoint113", type="model")
        artifact.add_file("small")
        artifact.add_file("large", skip_cache=True)
        run.log_artifact(artifact, aliases=[f"step_{number}"])
    Path("small").write_text("overwritten", encoding="utf-8")
    Path("large").write_bytes(b"overwritten")
    artifact.wait()
    say("last", [artifact.version, artifact.digest])
    Path("fixed").write_text("fixed", encoding="utf-8")
    fixed = wandb.Artifact("fixed113", type="dataset")
    fixed.add_file("fixed", policy="immutable")
    run.log_artifact(fixed)
    say("by path", run.log_artifact("fixed", name="path113", type="file", aliases=["x"]).name)
    say("named after the run", run.log_artifact("fixed").name)
