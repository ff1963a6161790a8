"""Several processes on one machine stand in for several machines."""

import json
import os
import pathlib
import signal
import socket
import tempfile
import time
import unittest

from tests.training import runs
from tests.training import test_ast_seg_phases
from tfobj.training.checkpoints import newest
from tfobj.training.launch import LOST_WORKER

SLOW = os.environ.get("TFOBJ_SLOW_TESTS") == "1"


def free_ports(count):
    """Ports of the loopback interface that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_workers(words, count=2):
    """Starts `count` workers of one run; returns their `Popen`s."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(count)]
    return [runs.start_training([*words, "--strategy=multi_worker"], {"TF_CONFIG": json.dumps(
        {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})}) for index in range(count)]


def wait_for(condition, seconds):
    """Waits until `condition()` holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"nothing happened within {seconds} s")
        time.sleep(0.05)


class MultiWorkerTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def words(self, name, **changes):
        return [*runs.flags_of(runs.experiment(**changes)), f"--run_dir={self.root / name}"]

    def finish(self, processes, seconds=180):
        outputs = [process.communicate(timeout=seconds)[0] for process in processes]
        return [process.returncode for process in processes], outputs

    def run_one_process(self, name, **changes):
        codes, outputs = self.finish([runs.start_training(self.words(name, **changes))])
        self.assertEqual(codes, [0], outputs)
        return runs.weights_of(self.root / name)

    def test_two_workers_equal_one_process(self):
        settings = {"num_steps": 20, "optimizer": "sgd", "learning_rate": 0.1, "clip_norm": 0.05, "log_every": 10}
        expected = self.run_one_process("one", **settings)
        codes, outputs = self.finish(start_workers(self.words("two", **settings)))
        self.assertEqual(codes, [0, 0], outputs)
        self.assertIn("on 2 machines", outputs[0])
        self.assertIn("waiting for all 2 workers", outputs[1])
        self.assertLess(runs.largest_difference(expected, runs.weights_of(self.root / "two")), 1e-6)
        one, two = (runs.records(self.root / name)[-1] for name in ("one", "two"))
        self.assertEqual(two["num_images"], one["num_images"])
        for name in ("loss", "mse", "mask_entropy"):
            self.assertAlmostEqual(one[name], two[name], places=5)

    @unittest.skipUnless(SLOW, "takes over a minute; TFOBJ_SLOW_TESTS=1 runs it")
    def test_both_workers_read_the_backgrounds_that_were_computed_once(self):
        weights = []
        for name, phases in (("computed", test_ast_seg_phases.PHASES), ("stored", test_ast_seg_phases.STORED)):
            words = [word for word in runs.flags_of(test_ast_seg_phases.experiment(phases))
                     if not word.startswith(("--num_steps=", "--optimizer=", "--learning_rate=", "--strategy="))]
            words += ["--optimizer=sgd", "--learning_rate=0.05", f"--run_dir={self.root / name}"]
            codes, outputs = self.finish(start_workers(words))
            self.assertEqual(codes, [0, 0], outputs)
            weights.append(runs.weights_of(self.root / name))
        self.assertIn("computed 64/64 backgrounds", outputs[0])
        self.assertNotIn("backgrounds", outputs[1])
        self.assertLess(runs.largest_difference(*weights), 1e-6)

    @unittest.skipUnless(SLOW, "takes over a minute; TFOBJ_SLOW_TESTS=1 runs it")
    def test_sigterm_to_one_worker_stops_both(self):
        workers = start_workers(self.words("two", num_steps=100_000, checkpoint_every=5, validation_examples=0))
        wait_for(lambda: newest(self.root / "two" / "checkpoints"), 120)
        workers[1].send_signal(signal.SIGTERM)
        codes, outputs = self.finish(workers)
        self.assertEqual(codes, [0, 0], outputs)
        self.assertIn("stopped by a signal to another worker", outputs[0])

    @unittest.skipUnless(SLOW, "takes over a minute; TFOBJ_SLOW_TESTS=1 runs it")
    def test_a_killed_worker_ends_the_other_and_a_restart_of_all_resumes_exactly(self):
        settings = {"num_steps": 400, "checkpoint_every": 5, "validation_examples": 0}
        whole = start_workers(self.words("whole", **settings))
        self.assertEqual(self.finish(whole)[0], [0, 0])
        workers = start_workers(self.words("killed", **settings))
        wait_for(lambda: newest(self.root / "killed" / "checkpoints"), 120)
        workers[1].kill()
        killed = time.monotonic()
        (code, _), outputs = self.finish(workers)
        print(f"the other worker ended with status {code} after {time.monotonic() - killed:.1f} s: "
              f"{outputs[0].splitlines()[-1]}")
        self.assertEqual(code, LOST_WORKER, outputs[0])
        self.assertIn("error: another worker is gone (", outputs[0])
        self.assertEqual(self.finish(start_workers(self.words("killed", **settings)))[0], [0, 0])
        weights = (runs.weights_of(self.root / name) for name in ("whole", "killed"))
        self.assertEqual(runs.largest_difference(*weights), 0.0)
