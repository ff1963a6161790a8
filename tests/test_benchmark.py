"""The command: help, errors, and a whole benchmark on JAX where TensorFlow cannot be imported."""

import importlib.util
import json
import os
import pathlib
import tempfile
import unittest

from tests import helpers
from tests.test_command_line import run_python
from tests.training import runs
from tfobj import registry
from tfobj.benchmarks import flops

QUICKSTART = "--flagfile=experiments/quickstart.flags"
_COMPILE_FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


class BenchmarkCommandTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)

    def test_help_says_what_is_measured(self):
        status, output, error = run_python("-m", "tfobj.benchmark", "--help")
        self.assertEqual((status, error), (0, ""))
        self.assertTrue(output.startswith("Measures how fast an experiment trains"), output[:80])
        for line in ("  --sweep=STRING", "  --data=synthetic|real", "  --[no]peak", "  --compare=STRING",
                     "  --num_slots=INT", "  --run_dir=STRING"):
            self.assertIn(line, output.splitlines())
        self.assertLessEqual(max(map(len, output.splitlines())), 120)

    def test_mistakes_are_one_line_before_anything_is_measured(self):
        (self.directory / "base.json").write_text("[]")
        base = str(self.directory / "base.json")
        for arguments, expected in (
                ((), "no model was chosen"),
                ((QUICKSTART, "--sweep=learning_rate:1"), "--sweep: 'learning_rate' cannot be swept"),
                ((QUICKSTART, f"--compare={base}"), "is no benchmark of this version"),
                ((QUICKSTART, f"--compare={base}x"), "cannot be read (No such file or directory)"),
                ((QUICKSTART, f"--out={self.directory}"), "is a directory; give the name of a file"),
                ((QUICKSTART, f"--out={base}/b.json"), "is no directory; choose another place"),
                ((QUICKSTART, "--strategy=multi_worker", f"--out={self.directory / 'b.json'}"), "cannot be measured")):
            status, output, error = run_python("-m", "tfobj.benchmark", *arguments)
            self.assertEqual((status, output, error.count("\n")), (2, "", 1), (arguments, output, error))
            self.assertIn(expected, error)

    def test_an_unknown_backend_is_refused(self):
        status, _, error = run_python("-m", "tfobj.benchmark", QUICKSTART, KERAS_BACKEND="torch")
        self.assertEqual((status, error), (2, "error: KERAS_BACKEND=torch is not supported; use tensorflow or jax\n"))

    @unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
    def test_jax_without_tensorflow(self):
        (self.directory / "tensorflow.py").write_text("raise ImportError('not here')\n")
        experiment = runs.experiment({
            "num_slots": 3, "num_iterations": 1, "encoder_strides": (2,), "decoder_strides": (2,), "update": "replace",
            "use_mlp": False, "norm_inputs": False, "norm_slots": False})
        words = [word for word in runs.flags_of(experiment) if not word.startswith("--data_dir")]
        out = self.directory / "made" / "benchmark.json"
        status, output, error = run_python(
            "-m", "tfobj.benchmark", *words, "--data_dir=nowhere", "--repeats=2", "--seconds=0.02", "--nopeak",
            "--sweep=image_size:21", f"--out={out}", KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", XLA_FLAGS=_COMPILE_FAST,
            PYTHONPATH=os.pathsep.join([str(self.directory), str(helpers.ROOT)]))
        self.assertEqual((status, error), (0, ""), output)
        self.assertTrue(output.endswith(f"written: {out}\n"), output)
        report = json.loads(out.read_text())
        self.assertEqual((report["backend"], report["data"], report["peak"]), ("jax", "synthetic", None))
        self.assertNotIn("tensorflow", report["versions"])
        measured, failed = report["rows"]
        self.assertEqual((measured["error"], measured["batch_size"]), (None, 8))
        self.assertGreater(measured["images_per_second"], 0.0)
        model = registry.build_model(experiment.model, experiment.model_config, (32, 32, 3))
        self.assertEqual(measured["flops"]["forward"], flops.count(model, 8).forward)  # TensorFlow's count
        self.assertIn("the decoder cannot reach the image size 21x21", failed["error"])
        for line in output.splitlines():
            if line.startswith("experiment "):
                self.assertIn(" 8  32x32x3 ", line)
        self.assertIn("image_size=21  failed: the decoder cannot reach", output)
        self.assertNotIn(str(helpers.ROOT), output + out.read_text())
