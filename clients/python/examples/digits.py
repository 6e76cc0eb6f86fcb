"""Train a small classifier on scikit-learn's handwritten digits, with both Keras callbacks.

Runs with any Keras 3 backend: `KERAS_BACKEND=jax python digits.py`. Needs keras, one backend, and scikit-learn.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import wandbd as wandb
from wandbd.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

EPOCHS = int(os.environ.get("EPOCHS", "12"))


def main() -> None:
    """Train, log every few batches, and keep the best model of each epoch."""
    keras.utils.set_random_seed(7)
    pictures, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(pictures / 16.0, digits, test_size=0.2, random_state=7)

    run = wandb.init(
        project="digits",
        config={"epochs": EPOCHS, "batch_size": 32, "learning_rate": 2e-3, "dropout": 0.2, "hidden": 64},
    )
    config = run.config

    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(config.hidden, activation="relu"),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        train_x,
        train_y,
        batch_size=config.batch_size,
        epochs=config.epochs,
        validation_data=(test_x, test_y),
        verbose=2,
        callbacks=[
            WandbMetricsLogger(log_freq=5),
            WandbModelCheckpoint("digits-{epoch:02d}.keras", monitor="val_accuracy", save_best_only=True),
        ],
    )

    loss, accuracy = model.evaluate(test_x, test_y, verbose=0)
    run.summary["test_accuracy"] = accuracy
    run.summary["test_loss"] = loss
    run.finish()


if __name__ == "__main__":
    main()
