"""`login` with a key, with a wrong one, and with one of a bad shape."""
# points: 1
# online:
# env: WANDB_API_KEY
# env: NETRC={work}/netrc

import os

from conformance import outcome, say, tried, wandb

outcome("bad shape", wandb.login, key="too-short", relogin=True)
with tried("refused when verified"):
    wandb.login(key="f" * 40, verify=True, relogin=True)
outcome("login", wandb.login, key=os.environ["CONFORMANCE_KEY"], relogin=True)
say("stored", os.path.exists("netrc") and os.environ["CONFORMANCE_KEY"] in open("netrc").read())
run = wandb.init(id="c06", name="after login")
run.log({"x": 1})
run.finish()
