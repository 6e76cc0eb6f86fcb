"""Many runs at once in one process: `many.py PREFIX RUNS ROWS`."""

import sys

import wandbd as wandb


def main() -> None:
    """Open all, log to all in turn, finish all."""
    prefix, count, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    runs = [
        wandb.init(
            project="many", id=f"{prefix}-{number}", config={"number": number}, reinit="create_new", settings=wandb.Settings(console="off")
        )
        for number in range(count)
    ]
    print("open", flush=True)
    input()
    for i in range(rows):
        for number, run in enumerate(runs):
            run.log({"i": i, "value": number * 1000 + i})
    for run in runs:
        run.finish()


if __name__ == "__main__":
    main()
