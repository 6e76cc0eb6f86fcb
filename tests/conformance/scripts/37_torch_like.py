"""Objects that look like torch tensors; torch itself is not needed to see how they are taken."""
# points: 3

import numpy as np
from conformance import wandb


class Tensor:
    """As much of a tensor as is asked for."""

    def __init__(self, value: object) -> None:
        """Hold an array."""
        self.value = np.asarray(value)
        self.requires_grad = False
        self.is_cuda = False

    def detach(self) -> "Tensor":
        """Return itself."""
        return self

    @property
    def data(self) -> "Tensor":
        """Itself."""
        return self

    def cpu(self) -> "Tensor":
        """Return itself."""
        return self

    def numpy(self) -> np.ndarray:
        """Return the array."""
        return self.value

    def item(self) -> object:
        """Return the one value."""
        return self.value.item()

    def size(self) -> tuple[int, ...]:
        """Return the shape."""
        return self.value.shape

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.value.shape


Tensor.__module__ = "torch"
run = wandb.init(id="c37", name="torch")
run.log({"scalar": Tensor(1.5), "one": Tensor([2.5]), "small": Tensor([1, 2, 3]), "matrix": Tensor([[1.0, 2.0], [3.0, 4.0]])})
run.log({"many": Tensor(np.arange(50.0)), "deep": {"x": Tensor(3)}, "list": [Tensor(1), Tensor(2)]})
run.finish()
