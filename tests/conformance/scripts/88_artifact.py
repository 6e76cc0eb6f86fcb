"""An artifact of files with metadata and aliases, and a second version of it."""
# points: 7

from conformance import wandb

run = wandb.init(id="c88", name="artifact")
for version in range(2):
    with open("model.bin", "wb") as file:
        file.write(b"weights %d" % version * 100)
    artifact = wandb.Artifact("model88", type="model", metadata={"version": version}, description="a model")
    artifact.add_file("model.bin", name="dir/model.bin")
    run.log_artifact(artifact, aliases=["best"] if version else None)
    run.log({"x": version})
run.finish()
