"""Starts workers by multiprocessing that log to the parent's run: `spawns.py ID METHOD WORKERS ROWS`."""

import multiprocessing
import sys
from typing import Any

import wandbd as wandb


def work(worker: int, rows: int) -> None:
    """Log rows, and just return: nothing is said at the end."""
    for number in range(rows):
        wandb.log({"child": worker, "number": number})


def main() -> None:
    """Log while the workers log."""
    run_id, method, workers, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    run = wandb.init(project="e2e", id=run_id, settings=wandb.Settings(console="off"))
    context: Any = multiprocessing.get_context(method)
    logged = 0
    for first in range(0, workers, 5):
        batch = [context.Process(target=work, args=(worker, rows)) for worker in range(first, min(first + 5, workers))]
        for process in batch:
            process.start()
        while any(process.is_alive() for process in batch):
            run.log({"parent": logged})
            logged += 1
            batch[0].join(0.01)
        for process in batch:
            process.join()
            if process.exitcode != 0:
                print(f"a worker ended with {process.exitcode}", flush=True)
                sys.exit(9)
    print(f"parent {logged}", flush=True)
    run.finish()


if __name__ == "__main__":
    main()
