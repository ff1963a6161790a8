"""The test case of AST-Seg's arrays."""

import unittest

import keras
import numpy as np

from tests import golden_arrays

FORWARD_TOLERANCE = 4e-5
GRADIENT_TOLERANCE = 3e-4


class AstSegGoldenTest(unittest.TestCase):
    """Base of cases that compare with the archives `ast_seg_STEM`.

    Archives that are not there, and entries that a trimmed one lacks, are not compared; pictures may be thinned out.
    """

    def load(self, stem):
        """Reads an archive, or skips the test."""
        if not (golden_arrays.directory() / f"ast_seg_{stem}.npz").is_file():
            self.skipTest(f"ast_seg_{stem}.npz is not shipped")
        return golden_arrays.load(f"ast_seg_{stem}")

    def check(self, actual, case, name, axes=None, tolerance=None):
        """Compares with an entry that may be thinned along rows and columns, by the largest relative error."""
        if name not in case:
            return
        actual = keras.ops.convert_to_numpy(actual)
        if axes:
            every = -(-actual.shape[axes[1]] // case[name].shape[axes[1]])
            index = [slice(None)] * actual.ndim
            for axis in axes:
                index[axis] = slice(None, None, every)
            actual = actual[tuple(index)]
        tolerance = tolerance or (GRADIENT_TOLERANCE if "grad" in name else FORWARD_TOLERANCE)
        self.assertLess(golden_arrays.relative_error(actual, case[name]), tolerance, name)

    def check_kernel_gradient(self, gradient, case, name):
        """Compares a gradient (h, w, in, out) of a convolution, or (h, w, out, in) of a transposed one."""
        self.check(np.transpose(gradient, (3, 2, 0, 1)), case, name, tolerance=1e-4)


def built(layer, image_shape):
    """Builds a layer for images of a shape."""
    layer.build((None, *image_shape))
    return layer
