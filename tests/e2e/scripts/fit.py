"""A very small Keras training with both callbacks: `fit.py ID EPOCHS`."""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import wandbd as wandb
from wandbd.integration.keras import WandbMetricsLogger, WandbModelCheckpoint


def main() -> None:
    """Fit, and say whether TensorFlow has been imported."""
    run_id, epochs = sys.argv[1], int(sys.argv[2])
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(1).normal(size=(96, 4)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("int32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss=loss, metrics=["accuracy"])
    with wandb.init(project="e2e", id=run_id, config={"epochs": epochs}):
        model.fit(
            x,
            y,
            batch_size=32,
            epochs=epochs,
            validation_split=0.25,
            verbose=0,
            callbacks=[WandbMetricsLogger(log_freq="batch"), WandbModelCheckpoint("model.keras")],
        )
        print("last", model.weights[0].numpy().sum() if hasattr(model.weights[0], "numpy") else "")
    print("tensorflow", "tensorflow" in sys.modules)


if __name__ == "__main__":
    main()
