"""A small run with everything in it: `whole.py ID [ROWS]`. The same program works with `wandb` and `wandbd`: `whole.py ID ROWS wandb`."""

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Log rows, config, summary, console lines and an artifact."""
    run_id, rows = sys.argv[1], int(sys.argv[2])
    wandb = importlib.import_module(sys.argv[3] if len(sys.argv) > 3 else "wandbd")
    run = wandb.init(project="e2e", id=run_id, name=f"name of {run_id}", tags=["one", "two"], config={"lr": 0.1, "deep": {"a": [1, 2]}})
    run.define_metric("val/*", step_metric="val/epoch")
    for i in range(rows):
        run.log({"i": i, "loss": 1 / (i + 1), "deep": {"x": i * 2}, "word": f"w{i}"})
        if i % 10 == 0:
            run.log({"val/epoch": i // 10, "val/acc": 1 - 1 / (i + 1), "i": i + 0.5})
            print(f"step {i}")
    model = Path(f"model-{run_id}.bin")
    model.write_bytes(b"weights of " + run_id.encode() + b"\0" * 1000)
    artifact = wandb.Artifact(f"model-{run_id}", type="model", metadata={"rows": rows})
    artifact.add_file(str(model))
    run.log_artifact(artifact, aliases=["best"])
    run.config.update({"late": True})
    run.summary["verdict"] = "good"
    print("the last line")
    run.finish()


if __name__ == "__main__":
    main()
