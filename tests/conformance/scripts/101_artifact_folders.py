"""Folders of an artifact: with links, below a name, merged, and partly removed."""
# points: 11

import os

from conformance import say, tried, wandb


def write(path: str, text: str) -> None:
    """Write a file, with its folders."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


for path in ("d/a.txt", "d/b/c.txt", "d/b/e/f.txt", "d/.hidden/g", "other/h.txt"):
    write(path, path)
os.symlink("../other", "d/link")
os.symlink("a.txt", "d/alias.txt")

run = wandb.init(id="c101", name="folders", settings=wandb.Settings(console="off"))
whole = wandb.Artifact("whole101", type="dataset")
whole.add_dir("d")
say("whole", [sorted(whole.manifest.entries), whole.digest, whole.size])
run.log_artifact(whole)

named = wandb.Artifact("named101", type="dataset")
named.add_dir("d/b", name="x/y")
named.add_dir("d/b", name="z/")
named.add_dir("other", name="./")
say("named", [sorted(named.manifest.entries), named.digest])
named.remove("x/y/e")
named.remove("z/c.txt")
with tried("remove what is not there"):
    named.remove("nothing")
say("rest", sorted(named.manifest.entries))
run.log_artifact(named)

merged = wandb.Artifact("merged101", type="dataset")
merged.add_dir("d")
merged.add_dir("d")
write("d/a.txt", "changed")
with tried("a changed file again"):
    merged.add_dir("d")
merged.add_dir("d", merge=True)
say("merged", merged.digest)
run.log_artifact(merged)
run.finish()
