"""Pages of text and of files, with and without the client's own style."""
# points: 12

import io
from pathlib import Path

from conformance import tried, wandb

run = wandb.init(id="c139", name="html")
Path("page.html").write_text("<html><head><title>t</title></head><body>ü</body></html>", encoding="utf-8")
run.log({"text": wandb.Html("<b>bold</b>"), "plain": wandb.Html("<b>bold</b>", inject=False), "file": wandb.Html("page.html")})
run.log(
    {
        "path": wandb.Html(Path("page.html")),
        "as text": wandb.Html("page.html", data_is_not_path=True),
        "io": wandb.Html(io.StringIO("<i>x</i>")),
    }
)
run.log(
    {"whole": wandb.Html("<!doctype html><html><head></head><body></body></html>"), "no head": wandb.Html("<html><body>x</body></html>")}
)
run.log({"list": [wandb.Html("<p>1</p>"), wandb.Html("<p>2</p>")]})
for what, value in (("number", 3), ("missing", Path("missing.html"))):
    with tried(what):
        wandb.Html(value)
run.finish()
