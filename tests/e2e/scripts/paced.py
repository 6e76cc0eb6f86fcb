"""Logs rows evenly over a time and says what is acknowledged: `paced.py ID ROWS SECONDS`.

Says `logging`, then lines `acked N` (rows known to be on disk) and `at I TIME` (when row I was handed over, by the monotonic clock),
then `logged`.
"""

import sys
import time

import wandbd as wandb

PROJECT = "e2e"


def main() -> None:
    """Log as the arguments say."""
    run_id, rows, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    run = wandb.init(project=PROJECT, id=run_id, config={"rows": rows, "nested": {"seed": 7}}, settings=wandb.Settings(console="off"))
    core = run._core
    before = core.stats()["records"]
    print("logging", flush=True)
    start = time.monotonic()
    logged = 0
    while logged < rows:
        due = min(rows, int((time.monotonic() - start) / seconds * rows) + 1)
        while logged < due:
            run.log({"i": logged, "loss": 1 / (logged + 1), "name": f"row {logged}"})
            logged += 1
        print(f"at {logged - 1} {time.monotonic()}", flush=True)
        print(f"acked {max(0, core.stats()['acked'] - before)}", flush=True)
        # The pace of this training, not a wait for anything.
        time.sleep(0.01)
    print("logged", flush=True)
    run.summary["verdict"] = "good"
    run.finish()


if __name__ == "__main__":
    main()
