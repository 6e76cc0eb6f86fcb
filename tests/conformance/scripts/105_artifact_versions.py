"""Versions: an unchanged one is not made again, a changed one takes the alias, and they keep their order."""
# points: 11
# online:

from typing import Any

from conformance import say, wandb


def version(text: str, aliases: list[str] | None = None) -> Any:
    """Log a version with this content and say which one it became."""
    artifact = wandb.Artifact("versions105", type="dataset")
    with artifact.new_file("a.txt") as file:
        file.write(text)
    run.log_artifact(artifact, aliases=aliases)
    return artifact


run = wandb.init(id="c105", name="versions")
for number, (text, aliases) in enumerate([("one", None), ("one", ["same"]), ("two", ["best"]), ("one", None), ("three", ["best"])]):
    artifact = version(text, aliases)
    artifact.wait()
    say(f"version {number}", [artifact.version, sorted(artifact.aliases)])
for number in range(10):
    version(f"row {number}", [f"n{number}"])
    run.log({"x": number})
run.finish()
