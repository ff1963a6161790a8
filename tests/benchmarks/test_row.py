"""A row on TensorFlow, in this process, and the times of a loop whose speed is known."""

import unittest
from unittest import mock

from tests.training import runs
from tfobj import registry
from tfobj.benchmarks import flops
from tfobj.benchmarks import host
from tfobj.benchmarks import row
from tfobj.benchmarks.options import Options
from tfobj.errors import UserError


class Loop:
    """A training loop with a slow first call and equal steps but for one."""

    late = 0.0

    def __init__(self, step_seconds=0.1, compile_seconds=5.0, loss=1.0):
        self.now = self.cpu = 0.0
        self.calls, self._step, self._compile, self._loss = [], step_seconds, compile_seconds, loss

    def run(self, steps):
        """See `tfobj.training.engine`."""
        slow = 3.0 if len(self.calls) == 4 and not self.late else 1.0  # the second repeat
        self.now += self._step * steps * slow + self._compile * (not self.calls) + self.late * (len(self.calls) == 1)
        self.cpu += 2 * self._step * steps
        self.calls.append(steps)
        return steps, {"loss": self._loss}, {"loss": self._loss}

    def perf_counter(self):
        """Seconds of the clock."""
        return self.now

    def process_time(self):
        """Seconds of the processor."""
        return self.cpu


class TimesTest(unittest.TestCase):
    def times(self, loop, longest=100, **options):
        said, waited = [], []
        with mock.patch.object(row, "time", loop):
            times = row._Times(loop, lambda: waited.append(1), longest, Options(**options), said.append)
        self.assertEqual(len(waited), len(loop.calls))
        return times, said

    def test_compile_time_and_steps_after_a_warm_up(self):
        loop = Loop()
        times, said = self.times(loop, repeats=5, seconds=2.0)
        self.assertEqual(loop.calls, [1, 1, 20, 20, 20, 20, 20, 20])
        result = times.result(batch_size=8)
        self.assertAlmostEqual(result["compile_seconds"], 5.0)
        self.assertAlmostEqual(result["step_seconds"]["median"], 0.1)
        self.assertAlmostEqual(max(result["step_seconds"]["values"]), 0.3)
        self.assertAlmostEqual(result["cpu_seconds"]["median"], 0.2)
        self.assertAlmostEqual(result["images_per_second"], 80.0)
        self.assertEqual((len(result["step_seconds"]["values"]), result["steps_per_repeat"]), (5, 20))
        self.assertEqual(said[:2], ["compiling", "repeat 1/5, 20 steps of 0.1 s"])

    def test_little_things_that_compile_later_do_not_shorten_the_calls(self):
        loop = Loop()
        loop.late = 0.5  # of the second call
        times, _ = self.times(loop, repeats=3, seconds=2.0)
        self.assertEqual(loop.calls, [1, 1, 3, 20, 20, 20, 20])
        self.assertEqual(times.steps, 20)

    def test_long_steps_are_made_one_by_one_and_short_ones_in_loops_of_the_experiment(self):
        loop = Loop(step_seconds=10.0)
        self.times(loop, repeats=2)
        self.assertEqual(loop.calls, [1, 1, 1, 1])
        loop = Loop(step_seconds=1e-4)
        self.times(loop, longest=50, repeats=2)
        self.assertEqual(loop.calls, [1, 1, 50, 50, 50])

    def test_a_loss_that_is_not_finite_is_no_measurement(self):
        with self.assertRaisesRegex(UserError, "training stopped at a loss of nan"):
            self.times(Loop(loss=float("nan")))

    def test_statistics(self):
        found = row.statistics_of([4.0, 1.0, 3.0, 2.0, 5.0])
        self.assertEqual((found["low"], found["median"], found["high"]), (2.0, 3.0, 4.0))
        self.assertEqual(found["values"], [4.0, 1.0, 3.0, 2.0, 5.0])


class RowTest(unittest.TestCase):
    def test_the_experiments_own_data(self):
        experiment = runs.experiment(deterministic=False)
        said = []
        result = row.measure(experiment, Options(real_data=True, repeats=2, seconds=0.05), said.append)
        self.assertEqual((result["batch_size"], result["image_shape"], result["dtype"]), (8, [32, 32, 3], "uint8"))
        model = registry.build_model(experiment.model, experiment.model_config, (32, 32, 3))
        counted = flops.count(model, 8)
        self.assertEqual(result["parameters"], model.count_params())
        self.assertEqual((result["flops"]["forward"], result["flops"]["training_step"]),
                         (counted.forward, 3 * counted.forward))
        step = result["step_seconds"]["median"]
        self.assertAlmostEqual(result["images_per_second"] * step, 8.0)
        self.assertAlmostEqual(result["flops_per_second"] * step / counted.training_step, 1.0)
        self.assertTrue(1e-5 < step < 5.0, step)
        self.assertGreater(result["compile_seconds"], step)
        self.assertTrue(0.0 < result["input_seconds"] < 1.0, result["input_seconds"])
        self.assertGreater(result["peak_memory"], 100 * 2**20)
        self.assertEqual((result["memory_of"], result["precision"], result["peak"]), ("process", "float32", None))
        self.assertEqual(said[:2], ["building", "compiling"])
        self.assertEqual(said[-1], "reading batches alone")

    def test_what_does_not_fit_together_is_one_line(self):
        for changes, message in (({"data_dir": "nowhere"}, "is not prepared"),
                                 ({"batch_size": 3, "num_devices": 2, "strategy": "mirrored"},
                                  "--batch_size=3 cannot be shared by 2 devices")):
            with self.assertRaisesRegex(UserError, message):
                row.measure(runs.experiment(deterministic=False, **changes), Options(real_data=True))
        sequences = runs.experiment(dataset="objects_room", dataset_variant="sequences", deterministic=False)
        with self.assertRaisesRegex(UserError, "has 16 frames per example; slot_attention takes single images"):
            row.measure(sequences, Options())


class HostTest(unittest.TestCase):
    def test_facts(self):
        described = host.describe()
        self.assertEqual(set(described), {"device", "cores", "system", "memory"})
        self.assertGreaterEqual(described["cores"], 1)
        self.assertGreater(described["memory"], host.peak_memory())
        self.assertEqual(host.describe("Accelerator Y")["device"], "Accelerator Y")
        self.assertEqual(set(host.versions("tensorflow")), {"tfobj", "python", "tensorflow", "keras", "numpy"})


class PrecisionsTest(unittest.TestCase):
    def test_tensorfloat32_is_for_accelerators(self):
        for name, expected in ((None, ("float32", "bfloat16")),
                               ("Accelerator Y", ("float32", "tensorfloat32", "bfloat16"))):
            self.assertEqual(row._precisions(mock.Mock(**{"name.return_value": name})), expected)
