"""The local settings file beats the global one; the environment beats both."""
# points: 1
# online:
# env: WANDB_CONFIG_DIR={work}/config
# env: WANDB_RUN_GROUP=group by environment

import os

from conformance import say, wandb

os.makedirs("config")
os.makedirs("wandb")
with open("config/settings", "w") as file:
    file.write("[default]\nrun_group = global\nrun_notes = global\nrun_job_type = global\n")
with open("wandb/settings", "w") as file:
    file.write("[default]\nrun_group = local\nrun_notes = local\n")
run = wandb.init(id="c04", name="files")
say("facts", [run.notes, run.group, run.job_type])
run.log({"x": 1})
run.finish()
