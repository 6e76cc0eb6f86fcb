"""WandbEvalCallback and WandbCallback, in real trainings of tiny models, over a core that records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb

numpy = pytest.importorskip("numpy")
keras: Any = None
callbacks: Any = None

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True, scope="module")
def _keras() -> None:
    """Loaded late: its backend starts threads, and tests of other files fork."""
    global keras, callbacks
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed here")
    from wandbd.integration import keras as ours

    callbacks = ours


RANDOM = numpy.random.default_rng(0)
X = RANDOM.random((24, 6, 6, 1), dtype="float32")
Y = RANDOM.integers(0, 3, 24)


def model(**more: Any) -> Any:
    layers = keras.layers
    made = keras.Sequential(
        [
            layers.Input((6, 6, 1), name="in"),
            layers.Flatten(name="flat"),
            layers.Dense(4, name="hid"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )
    made.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"], **more)
    return made


def fit(*given: Any, epochs: int = 2, of: Any = None) -> Any:
    made = of or model()
    made.fit(X, Y, epochs=epochs, batch_size=8, verbose=0, callbacks=list(given), validation_data=(X[:6], Y[:6]))
    return made


@pytest.fixture
def rows(core: Any) -> Any:
    wandb.init(id="abc")
    return core.opened[0].rows


def logged(core: Any) -> list[tuple[str, str, list[str], bool]]:
    """Name, type, aliases, and whether it is only used, of each artifact."""
    found = [fields for (fields,) in core.named("log_artifact")]
    return [(one["name"], one["type"], one["alias"], bool(one.get("only_used"))) for one in found]


def merged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for row in rows for key, value in row.items()}


# WandbEvalCallback


def eval_callback() -> Any:
    class Shown(callbacks.WandbEvalCallback):  # type: ignore[misc, name-defined]
        def add_ground_truth(self, logs: Any = None) -> None:
            for number in range(4):
                self.data_table.add_data(number, wandb.Image(X[number]), Y[number])

        def add_model_predictions(self, epoch: int, logs: Any = None) -> None:
            predicted = keras.ops.argmax(self.model.predict(X[:4], verbose=0), axis=-1)
            for number in self.data_table_ref.get_index():
                image = self.data_table_ref[number][1]
                self.pred_table.add_data(epoch, image, self.data_table_ref.data[number][2], predicted[number])

    return Shown(["number", "image", "label"], ["epoch", "image", "label", "predicted"])


def test_the_data_are_an_input_and_every_epoch_is_a_version_of_the_predictions(core: Any, rows: Any) -> None:
    shown = eval_callback()
    fit(shown)
    assert logged(core) == [
        ("val", "dataset", ["latest"], True),
        ("run_abc_pred", "evaluation", ["latest"], False),
        ("run_abc_pred", "evaluation", ["latest"], False),
    ]
    assert [len(shown.data_table.data), len(shown.pred_table.data)] == [4, 4]
    assert shown.pred_table.data[0][0] == 1, "the table of the second epoch"
    assert all(isinstance(row[3], int) for row in shown.pred_table.data), "scalars of the backend are numbers"
    assert rows == [], "nothing goes into the history"


def test_the_page_s_way_to_a_cell_works_in_both_forms(rows: Any) -> None:
    shown = eval_callback()
    fit(shown, epochs=1)
    reference = shown.data_table_ref
    assert reference[2][0] == reference.data[2][0] == 2
    assert len(reference) == 4 and [row[0] for row in reference] == [0, 1, 2, 3]
    assert reference.columns == ["number", "image", "label"]


def test_a_base_without_both_methods_cannot_be_made(rows: Any) -> None:
    with pytest.raises(TypeError, match="abstract"):
        callbacks.WandbEvalCallback(["a"], ["b"])


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_it_needs_no_server(core: Any, mode: str) -> None:
    wandb.init(mode=mode)
    shown = eval_callback()
    fit(shown, epochs=1)
    assert len(shown.pred_table.data) == 4


def test_a_table_that_cannot_be_logged_is_one_warning(
    rows: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wandb.Run, "log_artifact", lambda *_, **__: 1 / 0)
    fit(eval_callback(), epochs=3)
    assert capsys.readouterr().err.count("the prediction table could not be logged") == 1


# WandbCallback


def test_metrics_keep_their_names_and_the_best_goes_to_the_summary(core: Any, rows: Any) -> None:
    fit(callbacks.WandbCallback(save_model=False, save_graph=False))
    assert [row for row in rows if "epoch" in row] == [{"epoch": 0}, {"epoch": 1}]
    epochs = [row for row in rows if "val_loss" in row]
    assert len(epochs) == 2 and set(epochs[0]) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    best = merged([update for update, _ in core.named("summary")])
    assert best["best_val_loss"] == min(row["val_loss"] for row in epochs) and best["best_epoch"] in (0, 1)


def test_batches_are_rows_of_their_own_if_asked(rows: Any) -> None:
    fit(callbacks.WandbCallback(save_model=False, save_graph=False, log_batch_frequency=2))
    assert [set(row) for row in rows].count({"accuracy", "loss"}) == 4, "batches 0 and 2 of three, twice"


def test_the_graph_has_the_layers_and_their_edges(core: Any, rows: Any) -> None:
    fit(callbacks.WandbCallback(save_model=False), epochs=1)
    graph = merged([update for update, _ in core.named("summary")])["graph"]
    names = [node.name for node in graph.nodes]
    assert names == ["in", "flat", "hid", "norm", "out"]
    assert [len(graph.edges), graph.nodes[2].num_parameters] == [4, 36 * 4 + 4]


def test_weights_of_all_layers_are_histograms(rows: Any) -> None:
    fit(callbacks.WandbCallback(save_model=False, log_weights=True), epochs=1)
    keys = {key for key in merged(rows) if key.startswith("parameters/")}
    assert keys == {
        f"parameters/{name}"
        for name in (
            "hid.weights hid.bias out.weights out.bias norm.gamma norm.beta norm.moving_mean norm.moving_variance"
        ).split()
    }


def test_gradients_are_summed_over_the_data_and_leave_the_model_alone(rows: Any) -> None:
    keras.utils.set_random_seed(1)
    plain = fit(epochs=2)
    keras.utils.set_random_seed(1)
    watched = fit(callbacks.WandbCallback(save_model=False, log_gradients=True, training_data=(X, Y)), epochs=2)
    assert all((one == other).all() for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True))
    keys = {key for key in merged(rows) if key.startswith("gradients/")}
    assert "gradients/hid/kernel.gradient" in keys and len(keys) == 6


def test_a_gradient_is_that_of_the_loss() -> None:
    from wandbd.integration.keras.gradients import gradient_sums

    made = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, use_bias=False, name="d")])
    made.compile(loss="mse")
    made.set_weights([numpy.array([[1.0], [2.0]], dtype="float32")])
    x = numpy.array([[1.0, 0.0]] * 64, dtype="float32")
    y = numpy.zeros((64, 1), dtype="float32")
    # Of mean((w·x)²) by w: 2·w0·x0 for each of two batches of 32.
    assert gradient_sums(made, (x, y), None)["d/kernel"].tolist() == [[4.0], [0.0]]


def test_pictures_are_captioned_with_labels(rows: Any) -> None:
    fit(
        callbacks.WandbCallback(
            save_model=False, validation_data=(X, Y), input_type="auto", labels=["a", "b", "c"], predictions=5
        ),
        epochs=1,
    )
    pictures = merged(rows)["examples"]
    assert len(pictures) == 5 and {picture._caption for picture in pictures} <= {"a", "b", "c"}


def test_masks_are_shown_in_colours_beside_the_truth() -> None:
    from wandbd.integration.keras.pictures import Gallery

    gallery = Gallery("image", "segmentation_mask", [], [(0, 0, 0), (1, 0, 0)], print)
    masks = numpy.zeros((2, 4, 4, 2))
    pictures = gallery.images(numpy.zeros((2, 4, 4, 3)), masks, masks)
    assert [picture._grouping for picture in pictures] == [3, None, None] * 2


def test_evaluation_tables_hold_inputs_and_predictions(core: Any, rows: Any) -> None:
    fit(callbacks.WandbCallback(save_model=False, log_evaluation=True, validation_data=(X[:5], Y[:5])), epochs=2)
    assert logged(core)[0] == ("wb_validation_data", "validation_dataset", ["latest"], True)
    (table,) = [row["validation_predictions"] for row in rows if "validation_predictions" in row]
    assert table.columns == ["output", "val_row", "output:node", "output:argmax", "output:argmin"]
    assert len(table.data) == 5


def test_evaluation_finds_the_validation_data_of_fit(rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fit(callbacks.WandbCallback(save_model=False, log_evaluation=True, log_evaluation_frequency=1), epochs=1)
    assert len(merged(rows)["validation_predictions"].data) == 6, capsys.readouterr().err


def test_both_names_of_the_processor_are_taken(rows: Any) -> None:
    def process(number: int, row: dict[str, Any]) -> dict[str, Any]:
        return {"top": int(row["output"].argmax())}

    fit(
        callbacks.WandbCallback(
            save_model=False, log_evaluation=True, validation_data=(X[:5], Y[:5]), output_row_processor=process
        ),
        epochs=1,
    )
    assert merged(rows)["validation_predictions"].columns == ["output", "val_row", "top"]


def test_the_best_model_is_a_file_of_the_run_and_an_artifact(core: Any, rows: Any) -> None:
    fit(callbacks.WandbCallback(monitor="accuracy", mode="max", save_graph=False), epochs=1)
    assert wandb.run is not None and Path(wandb.run.dir, "model-best.h5").is_file()
    ((files, policy),) = core.named("save")
    assert (files[0][0], policy) == ("model-best.h5", "live")
    ((fields,),) = core.named("log_artifact")
    assert fields["alias"] == ["latest", "epoch_0"]
    assert [file[0] for file in fields["file"]] == ["model.keras"]


def test_a_model_that_h5_cannot_hold_is_saved_in_keras_s_own_form(core: Any, rows: Any) -> None:
    made = model()
    save = made.save

    def refuses_h5(path: str, **more: Any) -> None:
        if path.endswith(".h5"):
            raise NotImplementedError("Saving the model to HDF5 format requires the model to be Functional")
        save(path, **more)

    made.save = refuses_h5
    fit(callbacks.WandbCallback(), epochs=1, of=made)
    assert wandb.run is not None and Path(wandb.run.dir, "model-best.keras").is_file()
    assert not Path(wandb.run.dir, "model-best.h5").exists()


def test_wrong_arguments_are_refused_at_once(rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="training_data argument is required"):
        callbacks.WandbCallback(log_gradients=True)
    with pytest.raises(ValueError, match="tuple of length two"):
        callbacks.WandbCallback(log_gradients=True, training_data=(1, 2, 3))
    callbacks.WandbCallback(mode="sideways", nonsense=1)
    said = capsys.readouterr().err
    assert "mode 'sideways' is unknown" in said and "nonsense" in said


def test_what_fails_while_training_is_one_warning(
    rows: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("wandbd.integration.keras.wandb_callback.gradient_sums", lambda *_: 1 / 0)
    fit(callbacks.WandbCallback(save_model=False, log_gradients=True, training_data=(X, Y)), epochs=3)
    assert capsys.readouterr().err.count("the gradients could not be logged") == 1


def test_without_a_run_the_text_is_w_and_b_s() -> None:
    with pytest.raises(wandb.Error, match=r"You must call wandb.init\(\) before WandbCallback\(\)"):
        callbacks.WandbCallback()
