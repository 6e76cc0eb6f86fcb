"""Ten thousand small files in one artifact, of which many are alike."""
# points: 11
# online:

import os

from conformance import say, wandb

COUNT = 10_000
for folder in range(100):
    os.makedirs(f"many/{folder:02}")
for number in range(COUNT):
    with open(f"many/{number % 100:02}/{number}.txt", "w", encoding="utf-8") as file:
        file.write(f"{number % 53}\n" * (number % 7))

run = wandb.init(id="c102", name="many")
artifact = wandb.Artifact("many102", type="dataset")
artifact.add_dir("many", policy="immutable")
say("digest", [artifact.digest, artifact.size, len(artifact.manifest.entries)])
run.log_artifact(artifact)
run.finish()
