"""Lies before the real `wandb` in the path of programs that `wandbd run` has started: `import wandb` gives wandbd."""

try:
    from wandbd._replace import install
except ModuleNotFoundError as missing:
    if missing.name != "wandbd":
        raise
    import sys

    raise ImportError(
        "this program was started by `wandbd run`, which puts wandbd in the place of wandb, but wandbd is not "
        f"installed for {sys.executable}: install it there, or start the program with the Python that has it"
    ) from None

install()
