"""Segmentation covering over a data set."""

from keras import ops

from tfobj.metrics import covering
from tfobj.metrics.image_mean import ImageMean


class SegmentationCovering(ImageMean):
    """Mean segmentation covering over images (`covering.segmentation_covering`).

    Images without anything to cover are left out of the mean and counted by `num_empty`; `mode="reference"` counts them
    as 0, as the code of GENESIS does.
    """

    def __init__(self, num_true, num_predicted=None, ignore_background=False, weighted=False, mode="default",
                 name="msc"):
        """Creates the metric at zero; arguments as of `covering.segmentation_covering`."""
        super().__init__(name=name)
        self.options = {"num_true": num_true, "num_predicted": num_predicted, "ignore_background": ignore_background,
                        "weighted": weighted, "mode": mode}
        self.empty = self.add_variable((), "zeros", dtype=self.count.dtype, name="empty")

    def update_state(self, true, predicted, valid=None):
        """Adds images.

        Args:
            true: int [B,...], label maps; 0 background, 255 ignored.
            predicted: int [B,...], label maps, or float [B,K,...], soft masks.
            valid: bool [B] or None. Rows to count.
        """
        values = covering.segmentation_covering(true, predicted, **{**self.options, "mode": "default"})
        filled = ops.logical_not(ops.isnan(values))
        valid = ops.ones_like(filled) if valid is None else ops.cast(valid, "bool")
        self.empty.assign_add(ops.sum(ops.cast(ops.logical_and(valid, ops.logical_not(filled)), self.empty.dtype)))
        if self.options["mode"] == "reference":
            super().update_state(ops.where(filled, values, ops.zeros_like(values)), valid)
        else:
            super().update_state(values, ops.logical_and(valid, filled))

    def num_empty(self):
        """Returns the number of images without anything to cover seen so far, a scalar integer tensor."""
        return ops.add(self.empty.value, 0)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), **self.options}
