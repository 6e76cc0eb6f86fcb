"""The Keras callbacks, in real trainings of a tiny model, over a core that records."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb

numpy = pytest.importorskip("numpy")
keras: Any = None
WandbMetricsLogger: Any = None
WandbModelCheckpoint: Any = None


@pytest.fixture(autouse=True, scope="module")
def _keras() -> None:
    """Loaded late: its backend starts threads, and tests of other files fork."""
    global keras, WandbMetricsLogger, WandbModelCheckpoint
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed here")
    from wandbd.integration import keras as callbacks

    WandbMetricsLogger, WandbModelCheckpoint = callbacks.WandbMetricsLogger, callbacks.WandbModelCheckpoint


pytestmark = pytest.mark.filterwarnings("ignore")

X = numpy.random.default_rng(0).random((50, 4), dtype="float32")
Y = numpy.random.default_rng(1).integers(0, 3, 50)


def fit(*callbacks: Any, epochs: int = 2, rate: Any = 0.5) -> Any:
    """Train on 50 rows in batches of 10."""
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=epochs, batch_size=10, verbose=0, callbacks=list(callbacks), validation_data=(X, Y))
    return model


@pytest.fixture
def rows(core: Any) -> Any:
    wandb.init(id="abc")
    return core.opened[0].rows


def versions(core: Any) -> list[tuple[Any, ...]]:
    """Name, aliases and files of each logged version."""
    return [(fields["name"], fields["alias"], fields["file"]) for (fields,) in core.named("log_artifact")]


def aliases(core: Any) -> list[list[str]]:
    return [names for _, names, _ in versions(core)]


def test_tensorflow_is_never_imported(rows: Any) -> None:
    fit(WandbMetricsLogger("batch"), WandbModelCheckpoint("m.keras"))
    assert "tensorflow" not in sys.modules


def test_callbacks_without_a_run_say_that_init_comes_first(core: Any) -> None:
    with pytest.raises(wandb.Error, match=r"You must call `wandb\.init\(\)` before WandbMetricsLogger\(\)"):
        WandbMetricsLogger()
    with pytest.raises(wandb.Error, match=r"You must call `wandb\.init\(\)` before `WandbModelCheckpoint\(\)`"):
        WandbModelCheckpoint("m.keras")


def test_an_epoch_is_a_row_against_epoch_epoch(rows: Any, core: Any) -> None:
    fit(WandbMetricsLogger())
    assert [row["epoch/epoch"] for row in rows] == [0, 1]
    names = ("accuracy", "loss", "val_accuracy", "val_loss", "epoch", "learning_rate")
    assert set(rows[0]) == {f"epoch/{name}" for name in names}
    assert rows[0]["epoch/learning_rate"] == 0.5
    assert all(type(value) in (float, int) for value in rows[0].values())
    defined = [(name, more["step_metric"]) for name, more in core.named("define_metric")]
    assert defined == [("epoch/epoch", None), ("epoch/*", "epoch/epoch")]


def test_batches_are_rows_of_their_own_with_the_drifting_step_of_wandb(rows: Any, core: Any) -> None:
    fit(WandbMetricsLogger(log_freq=2))
    assert [row.get("batch/batch_step", "epoch") for row in rows] == [0, 2, 4, "epoch", 6, 8, 10, "epoch"]
    assert "batch/learning_rate" in rows[0]
    assert [name for name, _ in core.named("define_metric")] == [
        "epoch/epoch",
        "epoch/*",
        "batch/batch_step",
        "batch/*",
    ]


def test_a_schedule_is_read_after_the_update_and_from_the_initial_global_step(rows: Any) -> None:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 100], [1.0, 0.5, 0.25])
    fit(WandbMetricsLogger("batch"), rate=schedule, epochs=1)
    assert [row["batch/learning_rate"] for row in rows[:2]] == [1.0, 0.5]
    rows.clear()
    fit(WandbMetricsLogger("batch", initial_global_step=99), rate=schedule, epochs=1)
    assert [row["batch/learning_rate"] for row in rows[:2]] == [0.5, 0.25]


@pytest.mark.parametrize("bad", ["x", 0, -1, 2.5, None])
def test_a_frequency_that_is_none_is_refused_at_construction(rows: Any, bad: Any) -> None:
    with pytest.raises(ValueError, match="log_freq should be"):
        WandbMetricsLogger(bad)
    assert WandbMetricsLogger(numpy.int64(2)).log_freq == 2


def test_a_rate_that_cannot_be_read_is_one_warning_and_training_goes_on(
    rows: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no rate")

    monkeypatch.setattr("wandbd.integration.keras.metrics_logger.learning_rates", broken)
    fit(WandbMetricsLogger())
    assert len(rows) == 2
    assert "epoch/learning_rate" not in rows[0]
    assert capsys.readouterr().err.count("the learning rate could not be read: no rate") == 1


def test_a_run_that_was_finished_does_not_end_the_training(core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = wandb.init()
    callbacks = WandbMetricsLogger(), WandbModelCheckpoint("m.keras")
    run.finish()
    fit(*callbacks)
    assert os.path.exists("m.keras")
    assert capsys.readouterr().err.count("metrics could not be logged") == 1


def test_every_save_is_a_version_with_zero_based_aliases(rows: Any, core: Any) -> None:
    fit(WandbModelCheckpoint("sub/m-{epoch}.keras"))
    assert [name for name, _, _ in versions(core)] == ["run_abc_model"] * 2
    assert aliases(core) == [["latest", "epoch_0"], ["latest", "epoch_1"]]
    assert sorted(os.listdir("sub")) == ["m-1.keras", "m-2.keras"]
    metadata = json.loads(core.named("log_artifact")[1][0]["metadata_json"])
    assert (metadata["epoch"], metadata["monitor"], metadata["format"]) == (1, "val_loss", "keras")


def test_the_next_epoch_cannot_change_a_file_that_is_still_being_uploaded(rows: Any, core: Any) -> None:
    contents: list[bytes] = []

    class Keep(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            contents.append(Path("m.keras").read_bytes())

    fit(WandbModelCheckpoint("m.keras"), Keep(), epochs=3)

    sources = [files[0] for _, _, files in versions(core)]
    assert [(inside, staged) for inside, _, staged in sources] == [("m.keras", True)] * 3
    assert [Path(source).read_bytes() for _, source, _ in sources] == contents
    assert os.path.samefile(sources[-1][1], "m.keras")
    assert len(set(contents)) == 3
    assert os.listdir(".") == ["m.keras"]


def test_batches_are_counted_across_epochs(rows: Any, core: Any) -> None:
    fit(WandbModelCheckpoint("m-{epoch}-{batch}.keras", save_freq=3), epochs=3)
    names = ["epoch_0_batch_2", "epoch_1_batch_0", "epoch_1_batch_3", "epoch_2_batch_1", "epoch_2_batch_4"]
    assert aliases(core) == [["latest", name] for name in names]


def test_without_an_improvement_nothing_is_saved_and_nothing_is_logged(rows: Any, core: Any) -> None:
    fit(WandbModelCheckpoint("m-{epoch}.keras", save_best_only=True, initial_value_threshold=-1.0))
    assert versions(core) == []
    fit(WandbModelCheckpoint("m-{epoch}.keras", save_best_only=True, monitor="accuracy", save_freq=2))
    assert aliases(core)[0] == ["latest", "epoch_0_batch_1"]


def test_a_metric_without_a_known_direction_does_not_end_the_training(rows: Any, core: Any) -> None:
    fit(WandbModelCheckpoint("m.keras", monitor="odd"))
    assert len(versions(core)) == 2


@pytest.mark.parametrize(
    ("path", "weights", "saved"),
    [
        ("m.keras", False, "m.keras"), ("m.h5", False, "m.h5"), ("m.weights.h5", True, "m.weights.h5"),
        ("models", False, "models/model.keras"), ("models/", False, "models/model.keras"),
        ("m.tf", False, "m.tf/model.keras"), ("m-{val_loss:.2f}", False, None),
        ("w", True, "w.weights.h5"), ("w.h5", True, "w.weights.h5"), ("w.keras", True, "w.weights.h5"),
        ("w/", True, "w.weights.h5"),
    ],
)  # fmt: skip
def test_every_form_of_a_path_is_brought_into_one_that_keras_writes(
    rows: Any, core: Any, path: str, weights: bool, saved: str | None
) -> None:
    callback = WandbModelCheckpoint(path, save_weights_only=weights)
    assert callback.filepath == path
    model = fit(callback, epochs=1)
    if saved is None:
        saved = f"{next(Path().glob('m-*'))}/model.keras"
    if weights:
        model.load_weights(saved)
    else:
        keras.models.load_model(saved)
    assert [inside for inside, _, _ in versions(core)[0][2]] == [os.path.basename(saved)]


def test_a_path_that_keras_refuses_is_refused_at_construction(rows: Any) -> None:
    with pytest.raises(ValueError, match="must end in"):
        WandbModelCheckpoint("m.hdf5")
    with pytest.raises(ValueError, match="Unrecognized save_freq"):
        WandbModelCheckpoint("m.keras", save_freq="x")


def test_options_of_keras_2_are_kept_and_have_no_effect(
    rows: Any, core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    options = object()
    callback = WandbModelCheckpoint("m.keras", options=options)
    assert callback.options is options
    fit(callback, epochs=1)
    assert len(versions(core)) == 1
    assert capsys.readouterr().err.count("`options` has no effect") == 1


def test_a_disabled_run_saves_files_and_logs_nothing(core: Any) -> None:
    run = wandb.init(mode="disabled")
    fit(WandbMetricsLogger(), WandbModelCheckpoint("m.keras"))
    assert os.path.exists("m.keras")
    assert run.summary["epoch/epoch"] == 1
    assert core.calls == []
