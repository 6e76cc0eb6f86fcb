"""A run in two parts: `two_parts.py ID ROWS`. It says `first` after half of its rows and goes on when a line comes in."""

import sys

import wandbd as wandb


def main() -> None:
    """Log one half, wait, log the other half."""
    run_id, rows = sys.argv[1], int(sys.argv[2])
    run = wandb.init(project="e2e", id=run_id, name=f"name of {run_id}", config={"rows": rows})
    for i in range(rows):
        if i == rows // 2:
            print("first", flush=True)
            input()
        run.log({"i": i, "text": f"row {i}"})
    run.summary["verdict"] = "good"
    print("the last line")
    run.finish()


if __name__ == "__main__":
    main()
