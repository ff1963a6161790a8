"""Rates from the times that a device takes, and work that both backends put on it."""

import importlib.util
import itertools
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf

from tfobj.benchmarks import device_peak
from tfobj.benchmarks import tensorflow_device


class Clock:
    """Time that passes when the device works."""

    now = 0.0

    def perf_counter(self):
        """Seconds."""
        return self.now


class Device:
    """Multiplies at 1 TFLOP/s, in low precision at 4, and copies at 100 GB/s, with 10 microseconds for each start."""

    def __init__(self, clock):
        self.clock, self.sides = clock, []

    def matrix_product(self, size, precision):
        """See `tensorflow_device`."""
        self.sides.append(size)
        return self._taking(2 * size**3 / (4e12 if precision == "bfloat16" else 1e12))

    def copy(self, num_bytes):
        """See `tensorflow_device`."""
        return self._taking(2 * num_bytes / 1e11)

    def _taking(self, seconds):
        compiled = itertools.count()

        def start(value):
            self.clock.now += seconds + 1e-5 + 2.0 * (next(compiled) == 0)
            return value

        return start, lambda: 0.0

    def wait(self, value):
        """Nothing runs on."""


class DevicePeakTest(unittest.TestCase):
    def test_rates(self):
        clock = Clock()
        device = Device(clock)
        with mock.patch.object(device_peak, "time", clock):
            peak = device_peak.measure(device, ("float32", "bfloat16"))
        self.assertEqual(list(peak["matrix_product"]), ["float32", "bfloat16"])
        np.testing.assert_allclose([*peak["matrix_product"].values(), peak["copy"]], [1e12, 4e12, 1e11], rtol=0.01)
        self.assertEqual(device.sides, [512, 1024, 2048, 4096, 512, 1024, 2048, 4096, 8192])

    def test_a_slow_device_is_not_kept_busy(self):
        clock = Clock()
        device = Device(clock)
        with mock.patch.object(device_peak, "time", clock), \
                mock.patch.object(device, "matrix_product", lambda *_: device._taking(10.0)):
            self.assertAlmostEqual(device_peak._matrix_product(device, "float32"), 2 * 512**3 / 10.0, delta=1e4)
        self.assertLess(clock.now, 80)


class TensorFlowDeviceTest(unittest.TestCase):
    def test_products_stay_finite_and_copies_are_copies(self):
        for precision, dtype in (("float32", tf.float32), ("tensorfloat32", tf.float32), ("bfloat16", tf.bfloat16)):
            before = tf.config.experimental.tensor_float_32_execution_enabled()
            multiply, first = tensorflow_device.matrix_product(64, precision)
            value = first()
            for _ in range(50):
                value = multiply(value)
            tensorflow_device.wait(value)
            self.assertEqual((value.shape, value.dtype), ((64, 64), dtype))
            mean = float(tf.reduce_mean(tf.cast(value, tf.float32)))
            self.assertTrue(1e-4 < mean < 1.0, mean)
            self.assertEqual(tf.config.experimental.tensor_float_32_execution_enabled(), before)
        copy, first = tensorflow_device.copy(4096)
        self.assertEqual(copy(first()).shape, (1024,))


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class JaxDeviceTest(unittest.TestCase):
    def test_products_stay_finite_and_copies_are_copies(self):
        from tfobj.benchmarks import jax_device

        for precision, dtype in (("float32", "float32"), ("tensorfloat32", "float32"), ("bfloat16", "bfloat16")):
            multiply, first = jax_device.matrix_product(64, precision)
            value = first()
            for _ in range(50):
                value = multiply(value)
            jax_device.wait(value)
            self.assertEqual((value.shape, value.dtype), ((64, 64), dtype))
            mean = float(value.astype("float32").mean())
            self.assertTrue(1e-4 < mean < 1.0, mean)
        copy, first = jax_device.copy(4096)
        self.assertEqual(copy(copy(first())).shape, (1024,))
