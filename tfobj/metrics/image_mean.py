"""Mean over images, exact whatever the batches and devices."""

import keras
from keras import ops

from tfobj.metrics.segmentation import wide_dtype


class ImageMean(keras.metrics.Metric):
    """Mean of per-image values in which every image weighs the same.

    A float64 sum and an int64 count (32 bits on JAX) that add up over batches, also incomplete ones, and over replicas.
    Call `update_state` inside `strategy.run` and `result` outside.
    """

    def __init__(self, name="image_mean"):
        """Creates the metric at zero; `name` is a str."""
        super().__init__(name=name, dtype="float32")
        count_dtype = "int64" if wide_dtype() == "float64" else "int32"
        self.total = self.add_variable((), "zeros", dtype=wide_dtype(), name="total")
        self.count = self.add_variable((), "zeros", dtype=count_dtype, name="count")

    def update_state(self, values, valid=None):
        """Adds images.

        Args:
            values: number [B], one value per image.
            valid: bool [B] or None. Rows to count; the others (padding) may hold anything, NaN included.
        """
        values = ops.cast(values, self.total.dtype)
        valid = ops.ones_like(values, dtype="bool") if valid is None else ops.cast(valid, "bool")
        self.total.assign_add(ops.sum(ops.where(valid, values, ops.zeros_like(values))))
        self.count.assign_add(ops.sum(ops.cast(valid, self.count.dtype)))

    def result(self):
        """Returns the mean, a scalar; NaN before the first image."""
        return ops.divide(self.total.value, ops.cast(self.count.value, self.total.dtype))

    def num_images(self):
        """Returns the number of images counted so far, a scalar integer tensor."""
        return ops.add(self.count.value, 0)  # the sum also reads a variable that is spread over replicas

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"name": self.name}
