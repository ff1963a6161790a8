"""What tests of data as arrays share."""

import tempfile
import unittest

import numpy as np

from tfobj.config import DataConfig


class MemoryTestCase(unittest.TestCase):
    """A temporary data directory, and comparisons."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def config(self, dataset="colored_shapes", **knobs):
        """A `DataConfig` of a tiny set in this directory."""
        return DataConfig(**{"dataset": dataset, "dataset_config": "tiny", "data_dir": self.directory, **knobs})

    def assert_same(self, actual, expected, interpolated=False):
        """Asserts that two batches hold the same; images within 1e-6 if `interpolated`."""
        self.assertEqual(set(actual), set(expected))
        for name, value in expected.items():
            if isinstance(value, dict):
                self.assert_same(actual[name], value)
                continue
            value = np.asarray(value)
            self.assertEqual(actual[name].shape, value.shape, name)
            if interpolated and name == "image":
                self.assertEqual((actual[name].dtype, value.dtype), (np.float32, np.float32))
                np.testing.assert_allclose(actual[name], value, rtol=0, atol=1e-6)
            else:
                if value.dtype != object:  # TensorFlow's strings
                    self.assertEqual(actual[name].dtype, value.dtype, name)
                np.testing.assert_array_equal(actual[name], value, name)
