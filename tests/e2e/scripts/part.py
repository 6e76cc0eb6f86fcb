"""A part of a run: `part.py ID ROWS [wandb]`. PART_DAYS: so many days ago it began; PART_WAIT: it waits for a line before it ends."""

import importlib
import os
import sys
import time


def main() -> None:
    """Log rows with implicit steps."""
    run_id, rows = sys.argv[1], int(sys.argv[2])
    days = float(os.environ.get("PART_DAYS", "0"))
    if days:
        now = time.time
        time.time = lambda: now() - days * 86_400
    wandb = importlib.import_module(sys.argv[3] if len(sys.argv) > 3 else "wandbd")
    run = wandb.init(project="e2e", id=run_id, config={"rows": rows})
    for i in range(rows):
        run.log({"i": i, "text": f"row {i} " + "x" * 200})
    if "PART_WAIT" in os.environ:
        print("logged", flush=True)
        input()
    run.finish()


if __name__ == "__main__":
    main()
