"""An artifact that is saved without a run, and one that is saved within a run."""
# points: 11
# online:
# projects: 117_auto

from conformance import say, wandb

auto = wandb.Artifact("auto117", type="dataset")
with auto.new_file("a") as file:
    file.write("a")
auto.save(project="117_auto")
auto.wait()
say("auto", [auto.version, auto.project, wandb.run is None])
with wandb.init(id="c117", name="save") as run:
    artifact = wandb.Artifact("own117", type="dataset")
    with artifact.new_file("b", mode="wb") as file:
        file.write(bytes(range(10)))
    artifact.save()
    artifact.wait()
    say("own", [artifact.version, artifact.file_count])
