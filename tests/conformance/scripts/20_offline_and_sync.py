"""An offline run stays at home until it is sent."""
# points: 2 10
# online:

from conformance import offline_folders, relative, say, sync, wandb

run = wandb.init(id="c20", name="offline", mode="offline", config={"a": 1}, tags=["off"])
say("flags", [run.offline, run.disabled, run.resumed, run.url, run.entity])
say("dir", relative(run.dir))
for i in range(5):
    run.log({"loss": i})
run.summary["verdict"] = "good"
print("said offline")
run.finish()
(folder,) = offline_folders()
sync(folder)
