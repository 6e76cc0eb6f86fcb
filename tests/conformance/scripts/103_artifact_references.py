"""References: to files and folders of this machine, to the web, to unknown places, and to entries of other versions."""
# points: 11
# online:

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from conformance import say, tried, wandb


class Web(BaseHTTPRequestHandler):
    """Knows two files: one with an ETag, one without."""

    def do_GET(self) -> None:
        """Answer with the file."""
        self.do_HEAD()
        if self.command == "GET":
            self.wfile.write(b"0123456789")

    def do_HEAD(self) -> None:
        """Answer without it."""
        self.send_response(200)
        if "tagged" in self.path:
            self.send_header("ETag", '"tag-of-the-file"')
        self.send_header("Content-Length", "10")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


web = HTTPServer(("127.0.0.1", 0), Web)
threading.Thread(target=web.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{web.server_port}"

os.makedirs("tree/sub")
for name in ("one.txt", "sub/two.txt"):
    Path("tree", name).write_text(name, encoding="utf-8")
here = Path.cwd().as_uri()

run = wandb.init(id="c103", name="references")
artifact = wandb.Artifact("refs103", type="dataset")
artifact.add_reference(f"{here}/tree/one.txt")
artifact.add_reference(f"{here}/tree", name="folder")
artifact.add_reference(f"{address}/tagged.csv")
artifact.add_reference(f"{address}/tagged.csv?x=1", name="named.csv")
artifact.add_reference("nfs://host/path", name="unknown")
with tried("an unknown place without a name"):
    artifact.add_reference("nfs://host/path")
with tried("a path that is no address"):
    artifact.add_reference("tree/one.txt")
with tried("too many"):
    artifact.add_reference(f"{here}/tree", name="folder", max_objects=1)
with tried("nothing there"):
    artifact.add_reference(f"{here}/none")
say("entries", {path: [entry.digest, entry.size] for path, entry in sorted(artifact.manifest.entries.items())})
run.log_artifact(artifact).wait()
say("digest", artifact.digest)

other = wandb.Artifact("other103", type="dataset")
other.add_file("tree/one.txt", "copy.txt")
run.log_artifact(other).wait()
derived = wandb.Artifact("derived103", type="dataset")
derived.add_reference(other.get_entry("copy.txt"), name="from-other.txt")
derived.add_reference(other.get_entry("copy.txt").ref_url())
run.log_artifact(derived).wait()
say("derived", [sorted(derived.manifest.entries), derived.digest])
folder = derived.download("derived")
say("downloaded", {name: Path(folder, name).read_text(encoding="utf-8") for name in sorted(os.listdir(folder))})
refs = run.use_artifact("refs103:latest")
say("target", refs.get_entry("folder/sub/two.txt").ref_target().replace(here, "<here>"))
say("one", Path(refs.get_entry("folder/sub/two.txt").download("one")).read_text(encoding="utf-8"))
say("web", Path(refs.get_entry("named.csv").download("one")).read_text(encoding="utf-8"))
Path("tree/one.txt").write_text("changed", encoding="utf-8")
with tried("a reference that has changed"):
    refs.get_entry("one.txt").download("two")
run.finish()
