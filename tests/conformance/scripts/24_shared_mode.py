"""Two writers of one run in shared mode."""
# points: 2
# online:

import sys

from conformance import again, say, wandb

if len(sys.argv) > 1:
    primary = sys.argv[1] == "a"
    settings = wandb.Settings(mode="shared", x_label=sys.argv[1], x_primary=primary, x_update_finish_state=primary)
    run = wandb.init(id="c24", name="shared" if primary else None, settings=settings, config={"writer": "both"})
    for i in range(3):
        run.log({f"loss/{sys.argv[1]}": i})
    print(f"writer {sys.argv[1]}")
    run.finish()
else:
    again("b")
    again("a")
    say("done", True)
