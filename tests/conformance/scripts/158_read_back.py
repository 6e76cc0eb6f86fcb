"""Tables and pictures read back from artifacts by name."""
# points: 12 13
# online:

import numpy as np
from conformance import outcome, say, wandb

pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
with wandb.init(id="c158a", name="writer") as run:
    artifact = wandb.Artifact("read158", type="dataset")
    artifact.add(wandb.Table(columns=["n", "t", "p"], data=[[1, "x", wandb.Image(pixels)], [2, None, wandb.Image(pixels + 1)]]), "table")
    artifact.add(wandb.Image(pixels, caption="c"), "picture")
    run.log_artifact(artifact)
    artifact.wait()
    run.log({"logged": wandb.Table(columns=["a"], data=[[1.5], [None]])})
with wandb.init(id="c158b", name="reader") as run:
    artifact = run.use_artifact("read158:latest")
    table = artifact.get("table")
    say("columns", table.columns)
    say("cells", [row[:2] for row in table.data])
    say("pictures", [np.asarray(row[2].image).tolist() for row in table.data])
    picture = artifact.get("picture")
    say("picture", [np.asarray(picture.image).tolist(), picture._caption])
    outcome("nothing", artifact.get, "missing")
    outcome("logged", lambda: run.use_artifact("run-c158a-logged:latest").get("logged").data)
