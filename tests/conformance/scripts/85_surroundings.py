"""Facts of host, user and program that the environment overrides."""
# points: 1 7
# env: WANDB_HOST=some-host
# env: WANDB_USERNAME=somebody
# env: WANDB_USER_EMAIL=somebody@example.com
# env: WANDB_PROGRAM=train_it.py
# env: WANDB_DOCKER=image:tag
# env: WANDB_GIT_COMMIT=0123456789012345678901234567890123456789
# env: WANDB_GIT_REMOTE_URL=https://git.example/other.git
# env: SLURM_JOB_ID=77
# env: SLURM_JOB_NAME=training

from conformance import wandb

run = wandb.init(id="c85", name="surroundings")
run.log({"x": 1})
run.finish()
