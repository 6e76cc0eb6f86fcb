"""Description, metadata, tags, aliases and time to live, said before the upload and changed after it."""
# points: 11
# online:

from datetime import timedelta

from conformance import say, tried, wandb

run = wandb.init(id="c104", name="facts")
artifact = wandb.Artifact(
    "facts104",
    type="dataset",
    description="# Title\ntext",
    metadata={"n": 1, "f": 1.5, "nan": float("nan"), "list": [1, {"x": None}], "deep": {"er": {"est": True}}, "text": "é"},
)
artifact.metadata["later"] = (1, 2)
with artifact.new_file("a.txt") as file:
    file.write("a")
artifact.ttl = timedelta(days=30)
run.log_artifact(artifact, aliases=["one", "two"], tags=["tag a", "tag-b"]).wait()
say("after", [artifact.description, artifact.metadata, sorted(artifact.aliases), sorted(artifact.tags), str(artifact.ttl)])

artifact.description = "new"
artifact.metadata["more"] = [3]
artifact.aliases.append("three")
artifact.aliases.remove("one")
artifact.tags = ["tag-b", "tag_c"]
artifact.ttl = None
artifact.save()
say("saved", [artifact.description, artifact.metadata, sorted(artifact.aliases), sorted(artifact.tags), str(artifact.ttl)])

again = run.use_artifact("facts104:three")
say("again", [again.description, again.metadata, sorted(again.aliases), sorted(again.tags), str(again.ttl), again.version])

never = wandb.Artifact("never104", type="dataset")
never.ttl = None
run.log_artifact(never).wait()
say("never", str(never.ttl))
inherited = wandb.Artifact("inherited104", type="dataset")
with tried("what is inherited is not known before"):
    say("ttl", str(inherited.ttl))
inherited.ttl = wandb.ArtifactTTL.INHERIT
run.log_artifact(inherited).wait()
with tried("a negative time"):
    inherited.ttl = timedelta(seconds=-1)
with tried("too many keys"):
    wandb.Artifact("x", type="dataset", metadata={str(n): n for n in range(101)})
with tried("an infinite number"):
    wandb.Artifact("x", type="dataset", metadata={"x": float("inf")})
with tried("a wrong tag"):
    run.log_artifact(wandb.Artifact("x", type="dataset"), tags=["no/slash"])
with tried("a wrong alias"):
    run.log_artifact(wandb.Artifact("x", type="dataset"), aliases=["no/slash"])
run.finish()
