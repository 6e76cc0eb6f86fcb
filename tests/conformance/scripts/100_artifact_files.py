"""Files of an artifact: nested, empty, with odd names, twice, and what is known of them before and after the upload."""
# points: 11
# online:

import os

from conformance import say, tried, wandb

run = wandb.init(id="c100", name="files")
NAMES = {
    "plain.txt": "hello",
    "empty": "",
    "deep/er/and/deeper.bin": "x" * 70000,
    "with blank.txt": "blank",
    "percent%20and#hash?.txt": "odd",
    "ünïcode-日本.txt": "text",
    ".hidden": "hidden",
    "dash--.-/_.": "dash",
    "two:colons:": "colon",
}
artifact = wandb.Artifact("files100", type="dataset")
for number, (name, text) in enumerate(NAMES.items()):
    with open(f"source{number}", "w", encoding="utf-8") as file:
        file.write(text)
    entry = artifact.add_file(f"source{number}", name=name)
    say("entry", [entry.path, entry.digest, entry.size])
artifact.add_file("source0")
artifact.add_file("source0", "plain.txt")
with tried("another content at the same path"):
    artifact.add_file("source2", "plain.txt")
artifact.add_file("source3", "plain.txt", overwrite=True)
say("local name", [artifact.get_added_local_path_name(f"source{number}") for number in range(4)])
say("before", [artifact.name, artifact.digest, artifact.size, artifact.state, artifact.is_draft(), len(artifact.manifest.entries)])
logged = run.log_artifact(artifact)
say("the same", logged is artifact)
logged.wait()
say("after", [artifact.name, artifact.version, artifact.digest, artifact.size, artifact.state, artifact.is_draft(), artifact.file_count])
say("names", [artifact.source_name, artifact.source_version, artifact.project, artifact.is_link, artifact.aliases, artifact.type])
say("paths", sorted(artifact.manifest.entries))
say("empty one", wandb.Artifact("empty100", type="dataset").digest)
run.log_artifact(wandb.Artifact("empty100", type="dataset")).wait()
os.remove("source0")
run.finish()
