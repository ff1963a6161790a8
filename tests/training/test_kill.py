"""kill -9 at any step, the same command again, and the weights are those of an uninterrupted run."""

import os
import pathlib
import random
import tempfile
import time
import unittest

from tests.training import runs


@unittest.skipUnless(os.environ.get("TFOBJ_SLOW_TESTS") == "1", "takes over a minute; TFOBJ_SLOW_TESTS=1 runs it")
class KillTest(unittest.TestCase):
    def test_five_kills_change_nothing(self):
        with tempfile.TemporaryDirectory() as root:
            root = pathlib.Path(root)
            words = runs.flags_of(runs.experiment(
                num_steps=600, checkpoint_every=7, log_every=3, validate_every=50, steps_per_loop=4))
            self.assertEqual(runs.start_training([*words, f"--run_dir={root / 'whole'}"]).wait(600), 0)
            generator, steps = random.Random(0), []
            for _ in range(5):
                process = runs.start_training([*words, f"--run_dir={root / 'killed'}"])
                wanted = self.last_step(root) + generator.randrange(15, 90)
                while self.last_step(root) < wanted and process.poll() is None:
                    time.sleep(0.01)
                process.kill()
                process.communicate()
                steps.append(self.last_step(root))
            self.assertEqual(runs.start_training([*words, f"--run_dir={root / 'killed'}"]).wait(600), 0)
            difference = runs.largest_difference(*(runs.weights_of(root / name) for name in ("whole", "killed")))
            print(f"killed near steps {steps}; largest difference {difference}")
            self.assertEqual(difference, 0.0)

    @staticmethod
    def last_step(root):
        try:
            return runs.records(root / "killed")[-1]["step"]
        except (OSError, ValueError, IndexError):
            return 0
