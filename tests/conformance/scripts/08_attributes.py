"""What a run says of itself, while it lives and afterwards."""
# points: 2
# online:

import time

from conformance import outcome, relative, say, wandb

before = time.time()
run = wandb.init(id="c08", name="facts", notes="some notes", tags=("b", "a"), group="g", job_type="j", entity="local")
say("names", [run.id, run.name, run.notes, list(run.tags), run.group, run.job_type, run.entity, run.project])
say("path", run.path)
say("flags", [run.offline, run.disabled, run.resumed, run.step, run.starting_step, run.sweep_id])
say("start time is now", before - 1 <= run.start_time <= time.time())
say("dir", relative(run.dir))
say("url ends", run.url.split("/", 3)[3] if run.url else None)
say("project url ends", run.project_url.split("/", 3)[3] if run.project_url else None)
say("current", wandb.run is run)
run.log({"x": 1})
say("step", run.step)
run.finish()
say("after", [run.id, run.name])
outcome("step after", lambda: run.step)
say("none", wandb.run is None)
