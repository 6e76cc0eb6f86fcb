"""Names, tags, notes, group and job type from the environment."""
# points: 1 2
# env: WANDB_RUN_ID=c02
# env: WANDB_NAME=name by environment
# env: WANDB_NOTES=notes by environment
# env: WANDB_TAGS=one,two
# env: WANDB_RUN_GROUP=group-e
# env: WANDB_JOB_TYPE=job-e

from conformance import say, wandb

run = wandb.init()
say("facts", [run.id, run.name, run.notes, list(run.tags), run.group, run.job_type, run.project])
run.log({"x": 1})
run.finish()
