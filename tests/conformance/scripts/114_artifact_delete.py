"""Versions and aliases are deleted."""
# points: 11
# online:

from conformance import say, tried, wandb

with wandb.init(id="c114", name="delete") as run:
    for number in range(3):
        artifact = wandb.Artifact("gone114", type="dataset")
        with artifact.new_file("a") as file:
            file.write(str(number))
        run.log_artifact(artifact, aliases=[f"n{number}"]).wait()
    first = run.use_artifact("gone114:v0")
    with tried("with an alias"):
        first.delete()
    first.delete(delete_aliases=True)
    with tried("what was deleted"):
        run.use_artifact("gone114:v0")
    second = run.use_artifact("gone114:n1")
    second.aliases = []
    second.save()
    with tried("an alias that is gone"):
        run.use_artifact("gone114:n1")
    second.delete()
    say("newest", run.use_artifact("gone114:latest").version)
