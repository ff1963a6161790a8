"""Tests of tfobj. Importing this package fixes the environment before TensorFlow starts: two logical CPU devices."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import tensorflow as tf  # noqa: E402


def _use_two_logical_devices():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


_use_two_logical_devices()
tf.get_logger().setLevel("ERROR")  # small tests trace many functions, which TensorFlow warns about
