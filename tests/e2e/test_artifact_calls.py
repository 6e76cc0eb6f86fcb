"""What a program asks about artifacts: it waits for its own, uses others, brings them here, changes them."""

from collections.abc import Callable

from harness import Backend, Chaos, Daemon, Fault, Home, eventually
from harness.trainer import Trainer
from harness.trainer import run as train

LOGGED_AND_USED = """
    import os
    import sys
    import wandbd as wandb

    run_id = sys.argv[1]
    with wandb.init(project="e2e", id=run_id) as run:
        artifact = wandb.Artifact(f"data-{run_id}", type="dataset", metadata={"rows": 3})
        os.makedirs("deep", exist_ok=True)
        for name in ("a.txt", "deep/b.txt"):
            with open(name, "w") as file:
                file.write(f"{name} of {run_id}")
            artifact.add_file(name, name=name)
        run.log_artifact(artifact, aliases=["first"])
        artifact.wait(60)
        print("waited", artifact.version, artifact.state, artifact.digest, flush=True)
        artifact.aliases.append("later")
        artifact.metadata["checked"] = True
        artifact.save()
    with wandb.init(project="e2e", id=f"{run_id}-user") as run:
        used = run.use_artifact(f"data-{run_id}:later")
        folder = used.download(root="here")
        print("used", used.version, used.digest, used.metadata, sorted(used.aliases), flush=True)
        for name in ("a.txt", "deep/b.txt"):
            with open(os.path.join(folder, name)) as file:
                print("read", file.read(), flush=True)
"""


def test_a_version_is_waited_for_changed_used_and_downloaded_by_the_next_run(home: Home, backend: Backend, run_id: str) -> None:
    trainer = train(home, LOGGED_AND_USED, run_id)

    version, state, digest = trainer.said("waited").split()
    assert (version, state) == ("v0", "COMMITTED")
    used = trainer.said("used")
    assert used.startswith(f"v0 {digest} ")
    assert "'checked': True" in used and "'rows': 3" in used
    assert "['first', 'later', 'latest']" in used
    assert [line for line in trainer.lines if line.startswith("read")] == [f"read {name} of {run_id}" for name in ("a.txt", "deep/b.txt")]
    user = backend.finished(f"{run_id}-user")
    assert [artifact["name"].split(":")[0] for artifact in user["usedArtifacts"]] == [f"data-{run_id}"]


WAITING = """
    import os
    import sys
    import wandbd as wandb

    run_id = sys.argv[1]
    run = wandb.init(project="e2e", id=run_id)
    artifact = wandb.Artifact(f"model-{run_id}", type="model")
    artifact.add_file("model.bin", policy="immutable")
    run.log_artifact(artifact)
    print("logged", flush=True)
    for line in sys.stdin:
        try:
            artifact.wait(float(line))
            print("waited", artifact.version, flush=True)
            break
        except Exception as error:
            print("raised", type(error).__name__, str(error).replace(chr(10), " "), flush=True)
    run.finish()
"""


def waiting(home: Home, run_id: str) -> Trainer:
    """A trainer that has logged an artifact, and waits for it as long as it is told."""
    (home.work / "model.bin").write_text(f"weights of {run_id}")
    trainer = Trainer(home, WAITING, run_id)
    trainer.said("logged")
    return trainer


def done(trainer: Trainer) -> None:
    """Let it end."""
    assert trainer.process.stdin is not None
    trainer.process.stdin.close()
    trainer.process.stdin = None
    trainer.succeeds()


def test_a_wait_that_takes_too_long_says_why_and_a_later_one_succeeds(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a server that cannot be reached
    chaos.down()
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    Daemon(home)
    trainer = waiting(home, run_id)

    # When somebody waits, then the message names the cause
    trainer.say("3")
    raised = trainer.said("raised")
    assert raised.startswith("WaitTimeoutError"), raised
    assert "cannot reach the server" in raised, raised

    # And when it is back, then the same version is there
    chaos.up()
    trainer.say("60")
    assert trainer.said("waited") == "v0"
    done(trainer)
    backend.finished(run_id)


def test_a_version_that_cannot_be_delivered_ends_the_wait_with_the_reason(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a file that is removed before the upload although the user said that it stays
    chaos.down()
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    Daemon(home)
    trainer = waiting(home, run_id)
    (home.work / "model.bin").unlink()
    chaos.up()

    trainer.say("60")

    raised = trainer.said("raised")
    assert raised.startswith("ValueError"), raised
    assert "model.bin" in raised, raised
    done(trainer)
    backend.finished(run_id)


def test_a_daemon_that_comes_again_knows_what_was_delivered_before(make_home: Callable[..., Home], backend: Backend, run_id: str) -> None:
    # Given a version that is on the server, and a daemon that was killed after it
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    trainer = waiting(home, run_id)

    def there() -> bool:
        return backend.find(run_id) is not None and any(found["state"] == "COMMITTED" for found in backend.run(run_id)["artifacts"])

    eventually(there, 60, "the version is committed")
    daemon.kill()
    daemon.start()

    trainer.say("60")

    assert trainer.said("waited") == "v0"
    done(trainer)
    run = backend.finished(run_id)
    assert len([found for found in run["artifacts"] if found["type"] == "model"]) == 1


LOGS = """
    import sys
    import wandbd as wandb

    run_id, word = sys.argv[1:3]
    with wandb.init(project="e2e", id=f"{run_id}-{word}") as run:
        with open("data.txt", "w") as file:
            file.write(word)
        artifact = wandb.Artifact(f"data-{run_id}", type="dataset")
        artifact.add_file("data.txt")
        run.log_artifact(artifact)
"""

USES = """
    import sys
    import wandbd as wandb

    run_id, alias, word = sys.argv[1:4]
    with wandb.init(project="e2e", id=f"{run_id}-after-{word}") as run:
        used = run.use_artifact(f"data-{run_id}:{alias}")
        with open(used.file(root="here")) as file:
            print("read", used.version, file.read(), flush=True)
"""


def test_what_another_program_has_logged_a_moment_ago_is_waited_for(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a network that is slow, and a version that is on its way when its program has ended
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    Daemon(home)
    for word in ("old", "new"):
        chaos.inject(Fault("delay", ("upload",), times=2, seconds=1.0))
        train(home, LOGS, run_id, word)

        # When the next one asks for the newest, then it is this one
        trainer = train(home, USES, run_id, "latest", word)
        assert trainer.said("read").endswith(word)
    assert train(home, USES, run_id, "v0", "all").said("read") == "v0 old"
    chaos.heal()
    for run in ("old", "new", "after-old", "after-new", "after-all"):
        backend.finished(f"{run_id}-{run}")
