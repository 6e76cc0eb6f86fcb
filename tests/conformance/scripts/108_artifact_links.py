"""Versions appear in other collections, and go from there."""
# points: 11
# online:
# projects: 108_target model-registry

from conformance import say, wandb

with wandb.init(id="c108", name="links") as run:
    artifact = wandb.Artifact("source108", type="model")
    with artifact.new_file("a.txt") as file:
        file.write("a")
    run.log_artifact(artifact)
    linked = run.link_artifact(artifact, "chosen108", aliases=["good"])
    say("linked", [linked.name, linked.version, linked.is_link, linked.source_name, linked.project, linked.source_project])
    say("aliases", sorted(linked.aliases))
    elsewhere = run.link_artifact(artifact, "108_target/there108")
    say("elsewhere", [elsewhere.name, elsewhere.is_link, elsewhere.project, elsewhere.source_name])
    used = run.use_artifact("chosen108:good")
    say("used", [used.name, used.is_link, used.source_name, used.digest == artifact.digest])
    draft = wandb.Artifact("draft108", type="model")
    with draft.new_file("b.txt") as file:
        file.write("b")
    again = run.link_artifact(draft, "chosen108")
    say("a draft", [again.name, again.source_name, draft.version])
    elsewhere.unlink()
