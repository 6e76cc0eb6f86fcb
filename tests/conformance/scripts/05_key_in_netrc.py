"""The key is found in the netrc file that NETRC names."""
# points: 1
# online:
# env: WANDB_API_KEY
# env: NETRC={work}/netrc

import os
from urllib.parse import urlsplit

from conformance import wandb

with open("netrc", "w") as file:
    host = urlsplit(os.environ["WANDB_BASE_URL"]).netloc
    file.write(
        f"machine other.example\n  login me\n  password nothing\nmachine {host}\n  login user\n  password {os.environ['CONFORMANCE_KEY']}\n"
    )
os.chmod("netrc", 0o600)
run = wandb.init(id="c05", name="netrc")
run.log({"x": 1})
run.finish()
