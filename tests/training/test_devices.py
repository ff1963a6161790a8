"""Devices: their description, warnings about unused GPUs, and TF_CONFIG that cannot work."""

import json
import os
import unittest
from unittest import mock

import keras
import tensorflow as tf

from tfobj.config import TrainConfig
from tfobj.errors import UserError
from tfobj.training import devices

TWO = {"worker": ["a:1000", "b:1000"]}


def tf_config(cluster, kind="worker", index=0):
    """TF_CONFIG in the environment for the time of a `with`."""
    text = json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})
    return mock.patch.dict(os.environ, {"TF_CONFIG": text})


class DescriptionTest(unittest.TestCase):
    @unittest.skipIf(tf.config.list_physical_devices("GPU"), "for machines without a GPU")
    def test_devices_of_this_machine(self):
        self.assertEqual(devices.describe(tf.distribute.get_strategy()), "1 CPU")
        strategy = devices.make_strategy(TrainConfig(strategy="mirrored", num_devices=2))
        self.assertEqual(devices.describe(strategy), "2 logical CPUs on 1 machine")

    def test_devices_of_other_machines(self):
        for count, machines, gpus, expected in ((2, 1, 2, "2 GPUs"), (8, 2, 4, "8 GPUs on 2 machines"),
                                                (1, 1, 1, "1 GPU"), (2, 2, 0, "2 CPUs on 2 machines")):
            strategy = mock.Mock(num_replicas_in_sync=count, extended=mock.Mock(_num_workers=machines))
            with mock.patch.object(tf.config, "list_logical_devices", return_value=["GPU"] * gpus):
                self.assertEqual(devices.describe(strategy), expected)

    def test_a_gpu_that_is_not_seen_is_worth_a_warning(self):
        for exists, seen, visible, warned in ((True, [], "0", True), (True, ["GPU"], "0", False),
                                              (False, [], "0", False), (True, [], "-1", False)):
            with mock.patch("os.path.exists", return_value=exists), \
                    mock.patch.object(tf.config, "list_physical_devices", return_value=seen), \
                    mock.patch.dict(os.environ, {"CUDA_VISIBLE_DEVICES": visible}):
                warning = devices.gpu_warning()
            self.assertEqual(warning is not None, warned, (exists, seen, visible))
            self.assertNotIn("\n", warning or "")


class PrecisionTest(unittest.TestCase):
    def test_rounded_products_only_where_they_are_asked_for(self):
        self.addCleanup(devices.set_precision, "float32")
        for precision, policy, rounded in (("float32", "float32", False), ("tensorfloat32", "float32", True),
                                           ("mixed_bfloat16", "mixed_bfloat16", True)):
            devices.set_precision(precision)
            self.assertEqual(keras.config.dtype_policy().name, policy)
            self.assertEqual(tf.config.experimental.tensor_float_32_execution_enabled(), rounded)


class ClusterTest(unittest.TestCase):
    def refused(self, cluster, **task):
        with tf_config(cluster, **task), self.assertRaises(UserError) as raised:
            devices.make_strategy(TrainConfig(strategy="multi_worker"))
        self.assertEqual(len(str(raised.exception).splitlines()), 1)
        return str(raised.exception)

    def test_the_task_must_be_in_the_cluster(self):
        self.assertIn("this process is worker:2, but the cluster has worker:0, worker:1", self.refused(TWO, index=2))
        self.assertIn("this process is worker:-1, but", self.refused(TWO, index=-1))
        self.assertIn("this process is chief:0, but", self.refused(TWO, kind="chief"))
        for empty in ({"worker": []}, {}):
            self.assertIn("the cluster has nobody", self.refused(empty))

    def test_addresses_have_a_port(self):
        for address in ("b", "b:", "b:port", 7):
            self.assertIn(f"the address of worker:1 is {address!r}, expected host:port",
                          self.refused({"worker": ["a:1000", address]}))

    def test_other_texts_show_what_it_must_look_like(self):
        for wrong in ("text", {"worker": None}):
            self.assertIn('it must look like {"cluster"', self.refused(wrong))
        self.assertIn('it must look like {"cluster"', self.refused(TWO, index="first"))
        with mock.patch.dict(os.environ, {"TF_CONFIG": ""}), self.assertRaisesRegex(UserError, "needs the environment"):
            devices.make_strategy(TrainConfig(strategy="multi_worker"))

    def test_what_tensorflow_says_becomes_one_line(self):
        failure = mock.Mock(side_effect=RuntimeError("address already in use\nstack"))
        with mock.patch.object(tf.distribute, "MultiWorkerMirroredStrategy", failure), mock.patch("builtins.print"):
            self.assertIn("--strategy=multi_worker cannot be set up: address already in use; look", self.refused(TWO))


if __name__ == "__main__":
    unittest.main()
