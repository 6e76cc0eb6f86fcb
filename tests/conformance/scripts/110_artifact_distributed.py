"""Several processes make parts of one version."""
# points: 11
# online:

from conformance import say, tried, wandb

with wandb.init(id="c110", name="parts", group="g110") as run:
    for number in range(3):
        part = wandb.Artifact("parts110", type="dataset")
        with part.new_file(f"part{number}.txt") as file:
            file.write(f"part {number}")
        if number < 2:
            run.upsert_artifact(part)
        else:
            run.finish_artifact(part).wait()
            say("whole", [part.version, part.file_count])

with wandb.init(id="c110b", name="without a group") as run:
    with tried("no group"):
        run.upsert_artifact(wandb.Artifact("x110", type="dataset"))
    with tried("no group at the end"):
        run.finish_artifact(wandb.Artifact("x110", type="dataset"))
    one = wandb.Artifact("named110", type="dataset")
    with one.new_file("a") as file:
        file.write("a")
    run.finish_artifact(one, distributed_id="d110").wait()
    say("named", one.version)
