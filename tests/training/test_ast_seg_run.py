"""The small experiment of AST-Seg, as far as it gets in minutes."""

import contextlib
import dataclasses
import io
import os
import tempfile
import unittest

from tests.parsed_flags import read_experiment
from tfobj.data import prepared
from tfobj.training import evaluate_run
from tfobj.training import launch


class AstSegRunTest(unittest.TestCase):
    @unittest.skipUnless(os.environ.get("TFOBJ_SLOW_TESTS") == "1", "takes ten minutes; TFOBJ_SLOW_TESTS=1 runs it")
    def test_finds_the_objects(self):
        """The first 1,700 frozen steps of the small experiment, on a fifth of its scenes."""
        experiment = read_experiment("--flagfile=experiments/ast_seg_clevr6_small.flags")
        phases = experiment.train.phases.replace("frozen:5200,joint:2000", "frozen:1700")
        with tempfile.TemporaryDirectory() as directory:
            experiment = dataclasses.replace(
                experiment, data=dataclasses.replace(experiment.data, data_dir=f"{directory}/data"),
                train=dataclasses.replace(experiment.train, num_steps=2500, phases=phases))
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                prepared.prepare_dataset(experiment.data, split_sizes={"train": 4000, "validation": 320, "test": 320})
                launch.train(experiment, f"{directory}/run")
            scores = evaluate_run.evaluate_run(f"{directory}/run", num_examples=0)[0]["scores"]
        print({name: scores[name] for name in ("ari_fg", "ari", "ari_fg_tiles", "mse_sum")})
        self.assertGreater(scores["ari_fg"], scores["ari_fg_tiles"] + 0.05)
        self.assertGreater(scores["ari"], 0.25)
        self.assertLess(scores["mse_sum"], 60.0)  # without any object 97


if __name__ == "__main__":
    unittest.main()
