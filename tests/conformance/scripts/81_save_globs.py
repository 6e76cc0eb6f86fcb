"""`save` with patterns, base paths and folders."""
# points: 7

import os

from conformance import outcome, wandb

run = wandb.init(id="c81", name="globs")
os.makedirs("a/b")
for name in ("a/one.txt", "a/b/two.txt", "a/b/three.bin", "top.txt"):
    with open(name, "w") as file:
        file.write(f"content of {name}")
run.save("a/*.txt", policy="now")
run.save(os.path.abspath("a/b/*.txt"), base_path=os.path.abspath("a"), policy="now")
run.save(os.path.abspath("top.txt"), policy="now")
run.save("a/b/three.bin", base_path=".", policy="now")
outcome("nothing", run.save, "nothing*.txt", policy="now")
outcome("bad policy", run.save, "top.txt", policy="sometimes")
outcome("outside", run.save, "/etc/hostname", base_path="a")
outcome("bytes", run.save, b"top.txt", policy="now")
run.log({"x": 1})
run.finish()
