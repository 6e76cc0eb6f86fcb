"""How many floating-point operations a model needs for one sample. TensorFlow only."""

from __future__ import annotations

from typing import Any

import keras


def giga_operations(model: Any) -> float:
    """Half of the profiler's count for one sample, in 10^9: a multiplication with its addition counts once.

    Raises:
        RuntimeError: The backend is not TensorFlow, or the model's inputs are not known.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("compute_flops works with the TensorFlow backend only")
    if not getattr(model, "inputs", None):
        raise RuntimeError("the model's inputs are not known before it was built")
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2_as_graph

    specs = [tf.TensorSpec([1, *one.shape[1:]], one.dtype) for one in model.inputs]
    concrete = tf.function(lambda *inputs: model(list(inputs) if len(inputs) > 1 else inputs[0])).get_concrete_function(
        *specs
    )
    _, drawn = convert_variables_to_constants_v2_as_graph(concrete)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    with tf.Graph().as_default() as frozen:
        tf.import_graph_def(drawn, name="")
        counted = tf.compat.v1.profiler.profile(graph=frozen, cmd="scope", options=options)
    return float(counted.total_float_ops) / 2 / 1e9
