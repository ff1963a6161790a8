"""Adjusted Rand index over a data set."""

from keras import ops

from tfobj.metrics import segmentation
from tfobj.metrics.image_mean import ImageMean


class AdjustedRandIndex(ImageMean):
    """Mean adjusted Rand index over images (`segmentation.adjusted_rand_index`).

    The foreground index of an image without any foreground pixel is 1 by definition, which flatters a score:
    `num_empty` says how many there were, `skip_empty` leaves them out of the mean.
    """

    def __init__(self, num_true, num_predicted=None, ignore_background=False, skip_empty=False, name="ari"):
        """Creates the metric at zero.

        Args:
            num_true: int. Number of true labels, background included.
            num_predicted: int or None. Number of predicted labels; None: the K of soft masks.
            ignore_background: bool. Scores the pixels of true objects only.
            skip_empty: bool. Leaves out images without any foreground pixel.
            name: str.
        """
        super().__init__(name=name)
        self.num_true = num_true
        self.num_predicted = num_predicted
        self.ignore_background = ignore_background
        self.skip_empty = skip_empty
        self.empty = self.add_variable((), "zeros", dtype=self.count.dtype, name="empty")

    def update_state(self, true, predicted, valid=None):
        """Adds images.

        Args:
            true: int [B,...], label maps; 0 background, 255 ignored.
            predicted: int [B,...], label maps, or float [B,K,...], soft masks.
            valid: bool [B] or None. Rows to count.
        """
        values = segmentation.adjusted_rand_index(true, predicted, self.num_true, self.num_predicted,
                                                  self.ignore_background)
        filled = segmentation.has_foreground(true)
        valid = ops.ones_like(filled) if valid is None else ops.cast(valid, "bool")
        self.empty.assign_add(ops.sum(ops.cast(ops.logical_and(valid, ops.logical_not(filled)), self.empty.dtype)))
        super().update_state(values, ops.logical_and(valid, filled) if self.skip_empty else valid)

    def num_empty(self):
        """Returns the number of images without any foreground pixel seen so far, a scalar integer tensor."""
        return ops.add(self.empty.value, 0)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_true": self.num_true, "num_predicted": self.num_predicted,
                "ignore_background": self.ignore_background, "skip_empty": self.skip_empty}
