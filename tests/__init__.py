"""Tests of tfobj. Importing this package fixes the environment before TensorFlow starts: two logical CPU devices."""

import itertools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402


def _use_two_logical_devices():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def _number_strategies():
    """Gives every strategy keys of its own: TensorFlow keeps what devices exchanged under a key until the process ends."""
    create, bases = tf.distribute.MirroredStrategy.__init__, itertools.count(0, 1000)

    def numbered(self, *arguments, **options):
        self._collective_key_base = next(bases)
        create(self, *arguments, **options)

    tf.distribute.MirroredStrategy.__init__ = numbered


_use_two_logical_devices()
_number_strategies()
keras.utils.set_random_seed(0)  # what a test forgets to seed is at least the same in every run
tf.get_logger().setLevel("ERROR")  # small tests trace many functions, which TensorFlow warns about
