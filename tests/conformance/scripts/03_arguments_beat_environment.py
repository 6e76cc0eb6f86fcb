"""Arguments beat a Settings object, which beats the environment."""
# points: 1 2
# env: WANDB_RUN_ID=c03-env
# env: WANDB_NAME=name by environment
# env: WANDB_NOTES=notes by environment
# env: WANDB_TAGS=one,two
# env: WANDB_RUN_GROUP=group by environment

from conformance import say, wandb

settings = wandb.Settings(run_notes="notes by settings", run_name="name by settings", run_group="group by settings")
run = wandb.init(id="c03", name="name by argument", tags=["three"], settings=settings)
say("facts", [run.id, run.name, run.notes, list(run.tags), run.group])
run.log({"x": 1})
run.finish()
