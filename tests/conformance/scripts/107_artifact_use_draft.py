"""An artifact that has no version yet is used: it is logged as an input and is no output."""
# points: 11
# online:

from conformance import say, wandb

with wandb.init(id="c107", name="uses a draft") as run:
    artifact = wandb.Artifact("input107", type="dataset")
    with artifact.new_file("a.txt") as file:
        file.write("input")
    used = run.use_artifact(artifact)
    say("used", [used is artifact, used.version, used.state, used.aliases])
    output = wandb.Artifact("output107", type="dataset")
    with output.new_file("b.txt") as file:
        file.write("output")
    run.log_artifact(output).wait()
    say("output", output.version)
    run.use_artifact(output)
