"""W&B's first callback for Keras: metrics, the best model, graph, weights, gradients, pictures, evaluation tables."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

import wandbd
from wandbd import _registry
from wandbd._errors import Error
from wandbd._term import of_current_run
from wandbd.integration.keras import evaluation, graph
from wandbd.integration.keras.arrays import rows, take
from wandbd.integration.keras.best import Best
from wandbd.integration.keras.gradients import gradient_sums
from wandbd.integration.keras.histograms import histograms, weight_arrays
from wandbd.integration.keras.pictures import Gallery, guess_kind
from wandbd.integration.keras.saved import save_best

MOST_PREDICTIONS = 100


class WandbCallback(keras.callbacks.Callback):
    """Logs the metrics of every epoch, and what else its arguments ask for.

    Metrics keep their own names. The best value of `monitor` goes to the summary, and the model of that epoch to the
    run's files and to an artifact. Whatever fails while training is one warning, and training goes on.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        verbose: int = 0,
        mode: str = "auto",
        save_weights_only: bool = False,
        log_weights: bool = False,
        log_gradients: bool = False,
        save_model: bool = True,
        training_data: Any = None,
        validation_data: Any = None,
        labels: Sequence[str] | None = None,
        predictions: int = 36,
        generator: Any = None,
        input_type: str | None = None,
        output_type: str | None = None,
        log_evaluation: bool = False,
        validation_steps: int | None = None,
        class_colors: Any = None,
        log_batch_frequency: int | None = None,
        log_best_prefix: str | None = "best_",
        save_graph: bool = True,
        validation_indexes: Sequence[Any] | None = None,
        validation_row_processor: Callable[[int, dict[str, Any]], dict[str, Any]] | None = None,
        prediction_row_processor: Callable[[int, dict[str, Any]], dict[str, Any]] | None = None,
        infer_missing_processors: bool = True,
        log_evaluation_frequency: int = 0,
        compute_flops: bool = False,
        **kwargs: Any,
    ) -> None:
        """Choose what to log.

        Args:
            monitor: The metric that tells the best epoch.
            verbose: 1 for a line when there is a new best.
            mode: `min`, `max`, or `auto` to tell by the name of the metric.
            save_weights_only: Whether the run's file of the best model holds only its weights.
            log_weights: Whether to log histograms of the weights.
            log_gradients: Whether to log histograms of the gradients over `training_data`.
            save_model: Whether to save the best model.
            training_data: `(x, y)`, or something that yields such batches; for `log_gradients`.
            validation_data: `(x, y)` for pictures and tables; a generator is taken as `generator`.
            labels: Names of the classes; of one output unit first the name for false.
            predictions: Pictures in each epoch, at most 100.
            generator: Yields `(x, y)` for pictures and tables, in place of `validation_data`.
            input_type: `image`, `images`, `segmentation_mask`, `label` or `auto`.
            output_type: `image`, `images`, `segmentation_mask` or `label`.
            log_evaluation: Whether to log tables of the validation data and of the predictions for them.
            validation_steps: Batches to take of `generator` for the tables.
            class_colors: A colour (red, green, blue, from 0 to 1) for each class of a mask.
            log_batch_frequency: Every how many batches to log their metrics; None: only epochs.
            log_best_prefix: Of the best values in the summary; None: none.
            save_graph: Whether to put the graph of the layers into the summary.
            validation_indexes: Keys of the samples in a table that was logged already (`Table.get_index()`).
            validation_row_processor: Makes more cells for a sample: of its number and its cells by column.
            prediction_row_processor: The same for a prediction; also called `output_row_processor`.
            infer_missing_processors: Whether to make such functions where they are not given.
            log_evaluation_frequency: Every how many epochs to log predictions; 0: at the end.
            compute_flops: Whether to put the floating-point operations of one sample into the summary (TensorFlow).
            **kwargs: `data_type` (now `input_type`) and `output_row_processor`; others have no effect, and are named.

        Raises:
            Error: There is no run.
            ValueError: `log_gradients` without usable `training_data`.
        """
        super().__init__()
        run = wandbd.run
        if run is None:
            raise Error("You must call wandb.init() before WandbCallback()")
        if log_gradients:
            if training_data is None:
                raise ValueError("training_data argument is required for gradient logging.")
            if isinstance(training_data, (list, tuple)) and len(training_data) != 2:
                raise ValueError("training data must be a tuple of length two")
        self._warned: set[str] = set()
        input_type, prediction_row_processor = self._old_names(kwargs, input_type, prediction_row_processor)
        self.monitor, self.verbose = monitor, verbose
        self.log_weights, self.log_gradients = log_weights, log_gradients
        self.save_model, self.save_weights_only, self.save_graph = save_model, save_weights_only, save_graph
        self.training_data, self.log_batch_frequency = training_data, log_batch_frequency
        self.validation_data, self.generator = _told_apart(validation_data, generator)
        self.validation_steps, self.validation_indexes = validation_steps, validation_indexes
        self.predictions = min(predictions, MOST_PREDICTIONS)
        self.labels, self.class_colors = list(labels or []), class_colors
        self.input_type, self.output_type = input_type, output_type
        self.log_evaluation, self.log_evaluation_frequency = log_evaluation, log_evaluation_frequency
        self.validation_row_processor = validation_row_processor
        self.prediction_row_processor = prediction_row_processor
        self.infer_missing_processors = infer_missing_processors
        self.compute_flops = compute_flops
        self._best = Best(monitor, mode, log_best_prefix, run, self._warn)
        self._gallery: Gallery | None = None
        self._evaluation: evaluation.Evaluation | None = None
        self._graph_is_due = save_graph
        self._trained_since_table = False
        self._random = random.Random(0)

    def _old_names(self, kwargs: dict[str, Any], input_type: str | None, processor: Any) -> tuple[str | None, Any]:
        if "data_type" in kwargs:
            self._warn("data_type is called input_type now")
            input_type = kwargs.pop("data_type")
        other = kwargs.pop("output_row_processor", None)
        if kwargs:
            self._warn(f"these arguments have no effect: {', '.join(sorted(kwargs))}")
        return input_type, processor if processor is not None else other

    # What Keras calls

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log the table of the validation data, if it is asked for."""
        if self.compute_flops:
            self._try("the floating-point operations could not be counted", self._count_operations)
        if self.log_evaluation:
            self._try("the validation data could not be logged", self._prepare_evaluation)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the batch's metrics if it is due, and once the graph."""
        self._trained_since_table = True
        if self._graph_is_due:
            self._graph_is_due = False
            self._try("the graph of the model could not be logged", self._log_graph)
        if self.log_batch_frequency and batch % self.log_batch_frequency == 0:
            self._try("metrics of a batch could not be logged", lambda: wandbd.log(dict(logs or {}), commit=True))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the epoch's row, and keep the model if it is the best."""
        logs = dict(logs or {})
        if self.log_weights:
            self._try("the weights could not be logged", self._log_weights)
        if self.log_gradients:
            self._try("the gradients could not be logged", self._log_gradients)
        if self.input_type is not None or self.output_type is not None:
            self._try("example pictures could not be logged", self._log_pictures)
        if self.log_evaluation and self.log_evaluation_frequency > 0 and epoch % self.log_evaluation_frequency == 0:
            self._try("the predictions could not be logged", lambda: self._log_predictions(commit=False))
        self._try("metrics could not be logged", lambda: wandbd.log({"epoch": epoch}, commit=False))
        self._try("metrics could not be logged", lambda: wandbd.log(logs, commit=True))
        self._try("the best epoch could not be kept", lambda: self._keep_best(epoch, logs))

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log the predictions of the trained model, if that was not done after its last batch."""
        if self.log_evaluation and self._trained_since_table:
            self._try("the predictions could not be logged", lambda: self._log_predictions(commit=True))

    # What it does

    def _log_graph(self) -> None:
        nodes, edges = graph.nodes_and_edges(self.model)
        drawn = wandbd.Graph(format="keras")
        made = {}
        for node in nodes:
            one = wandbd.data_types.Node(
                id=node["name"],
                name=node["name"],
                class_name=node["class_name"],
                output_shape=node["output_shape"],
                num_parameters=node["num_parameters"],
            )
            made[node["name"]] = one
            drawn.add_node(one)
        for start, end in edges:
            drawn.add_edge(made[start], made[end])
        run = _registry.current() or wandbd.run
        if run is not None:
            run.summary["graph"] = drawn

    def _log_weights(self) -> None:
        arrays = weight_arrays(self.model)
        wandbd.log(histograms(arrays, "parameters/{}", self._warn), commit=False)

    def _log_gradients(self) -> None:
        steps = self.params.get("steps") if isinstance(self.params, dict) else None
        sums = gradient_sums(self.model, self.training_data, steps)
        wandbd.log(histograms(sums, "gradients/{}.gradient", self._warn), commit=False)

    def _log_pictures(self) -> None:
        gallery = self._known_gallery()
        if not gallery.shows:
            return
        data = self.validation_data
        if data is None and self.generator is not None:
            batch = next(iter(self.generator))
            data = (batch[0], batch[1])
        if data is None:
            self._warn("No validation_data set, pass a generator to the callback.")
            return
        x, y = data
        count = rows(x)
        chosen = list(range(count))
        if count > self.predictions:
            chosen = self._random.sample(chosen, self.predictions)
        x, y = take(x, chosen), take(y, chosen)
        predicted = self.model.predict(x, verbose=0)
        wandbd.log({"examples": gallery.images(x, y, predicted)}, commit=False)

    def _known_gallery(self) -> Gallery:
        """What inputs and outputs are, told by their shapes where that is asked for."""
        if self._gallery is None:
            input_type, output_type = self.input_type, self.output_type
            inputs, outputs = getattr(self.model, "inputs", None) or [], getattr(self.model, "outputs", None) or []
            if input_type == "auto":
                input_type = guess_kind(inputs[0].shape, True) if len(inputs) == 1 else None
            if input_type is not None and output_type is None and len(outputs) == 1:
                output_type = guess_kind(outputs[0].shape, False)
            self._gallery = Gallery(input_type, output_type, self.labels, self.class_colors, self._warn)
        return self._gallery

    def _prepare_evaluation(self) -> None:
        data = self.validation_data
        if data is None and self.generator is not None:
            if self.validation_steps is None:
                self._warn("validation_steps is needed to make a table of a generator's data; no table is logged")
                return
            data = evaluation.collected(self.generator, self.validation_steps)
        if data is None:
            return  # perhaps `fit` has some: they are there at the end of an epoch
        self._begin_evaluation(data)

    def _begin_evaluation(self, data: tuple[Any, Any]) -> None:
        self._evaluation = evaluation.Evaluation(
            data[0],
            data[1],
            self.labels,
            self.validation_indexes,
            self.validation_row_processor,
            self.prediction_row_processor,
            self.infer_missing_processors,
        )
        self._evaluation.log_data()

    def _log_predictions(self, commit: bool) -> None:
        if self._evaluation is None:
            data = _data_of_fit(self.model, self.validation_steps)
            if data is None:
                self._warn("there are no validation data to make a table of: pass validation_data to the callback")
                return
            self._begin_evaluation(data)
        self._trained_since_table = False
        if self._evaluation is not None:
            self._evaluation.log_predictions(self.model, commit)

    def _keep_best(self, epoch: int, logs: Mapping[str, Any]) -> None:
        value = self._best.improved(logs)
        if value is None:
            return
        if self.verbose > 0:
            of_current_run().info(f"Epoch {epoch}: {self.monitor} improved to {value:.5f}")
        self._best.keep(epoch, value)
        if self.save_model:
            save_best(self.model, epoch, self.save_weights_only, self._warn)

    def _count_operations(self) -> None:
        from wandbd.integration.keras.operations import giga_operations

        run = _registry.current() or wandbd.run
        if run is not None:
            run.summary["GFLOPs"] = giga_operations(self.model)

    # What fails

    def _try(self, what: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # what cannot be logged must not end a training
            self._warn(f"{what}: {error}", what)

    def _warn(self, line: str, once: str | None = None) -> None:
        if (once or line) not in self._warned:
            self._warned.add(once or line)
            of_current_run().warn(f"WandbCallback: {line}")


def _told_apart(validation_data: Any, generator: Any) -> tuple[Any, Any]:
    """Arrays are validation data, everything else is a generator of them."""
    if validation_data is None or isinstance(validation_data, (tuple, list)):
        return validation_data, generator
    return None, validation_data


def _data_of_fit(model: Any, steps: int | None) -> tuple[Any, Any] | None:
    """What `fit` was given as validation data, which Keras keeps while it trains."""
    iterator = getattr(model, "_eval_epoch_iterator", None)
    adapter = getattr(iterator, "data_adapter", None)
    arrays = getattr(adapter, "_inputs", None)
    if isinstance(arrays, (tuple, list)) and len(arrays) >= 2:
        return arrays[0], arrays[1]
    data = getattr(adapter, "_dataset", None) or getattr(adapter, "py_dataset", None)
    return None if data is None else evaluation.collected(data, steps)
