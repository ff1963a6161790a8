"""A run of the GENESIS family: what it records, that it resumes, and stops where the bound has gone out of hand."""

import contextlib
import dataclasses
import io
import pathlib
import tempfile
import unittest

from tests.training import runs
from tfobj import genesis_config
from tfobj.errors import UserError
from tfobj.training import launch

MODEL = genesis_config.MonetGConfig(num_slots=3, latent_size=2, attention_channels=2, component_channels=2,
                                    hidden_size=4)


def experiment(model_config=MODEL, **changes):
    """A tiny MONet-G on the tiny coloured shapes, with scalars for every second step, pictures at the end."""
    settings = {"log_every": 2, "validate_every": 2, "picture_every": 4, "checkpoint_every": 2, "warmup_steps": 0,
                "clip_norm": 0.0, "learning_rate": 1e-4, **changes}
    return dataclasses.replace(runs.experiment(**settings), model="monet_g", model_config=model_config)


class GenerativeRunTest(unittest.TestCase):
    def test_records_resume_and_the_end_of_a_run_whose_bound_is_too_low(self):
        limited = dataclasses.replace(MODEL, max_objective=100.0)
        with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
            run_dir = pathlib.Path(root) / "run"
            launch.train(experiment(num_steps=2), run_dir)
            first, _ = runs.records(run_dir)
            before = runs.weights_of(run_dir)
            # The same run goes on with another limit, and stops behind one step.
            with self.assertRaisesRegex(UserError, r"stopped at step 2: objective is \S+, above --max_objective=100; "
                                        r"the last good checkpoint is \S+ckpt-2.npz; .*raise --max_objective"):
                launch.train(experiment(limited, num_steps=4), run_dir)
            self.assertEqual(runs.largest_difference(before, runs.weights_of(run_dir)), 0.0)
            self.assertEqual([line["step"] for line in runs.records(run_dir)], [2, 2])
            launch.train(experiment(num_steps=4), run_dir)
            second, resumed = runs.records(run_dir)[2], runs.weights_of(run_dir)
            launch.train(experiment(num_steps=4), run_dir.with_name("whole"))
            self.assertEqual(runs.largest_difference(resumed, runs.weights_of(run_dir.with_name("whole"))), 0.0)
            scalars = (run_dir / "tensorboard" / "train").iterdir()
            pictures = {path.name for path in (run_dir / "pictures").iterdir()}
            events = b"".join(path.read_bytes() for path in scalars)
        self.assertEqual(pictures, {"slots-2.png", "slots-4.png", "decoder-2.png", "decoder-4.png", "samples-2.png",
                                    "samples-4.png"})
        for name in ("beta", "err", "err_element", "err_average", "err_average_element", "kl_l", "kl_m", "kl_l_0",
                     "kl_l_2", "elbo", "objective", "loss", "mse", "rmse", "learning_rate", "images_per_second"):
            self.assertIn(name, second)
            self.assertIn(name.encode(), events)
        self.assertTrue(any(name.endswith("schedule/average") and value > 1.0 for name, value in resumed.items()))
        # Means of two steps: weights before their updates, averages behind them.
        self.assertTrue(0.5 < first["beta"] <= 1.0 and second["beta"] < first["beta"], (first, second))
        self.assertAlmostEqual(first["objective"], first["err"] + first["kl_l"] + first["kl_m"], delta=0.01)
        self.assertAlmostEqual(first["err_element"] * 32 * 32 * 3, first["err"], delta=0.01)


if __name__ == "__main__":
    unittest.main()
