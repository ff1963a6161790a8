"""Row after row: what fails, what is measured once, what is written."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

from tests.benchmarks.measurements import OPTIONS, PEAK, point, result
from tfobj.benchmarks import session
from tfobj.errors import UserError


class SessionTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.out = pathlib.Path(temporary.name) / "benchmark.json"
        self.asked = []

    def measure(self, experiment, options, say):
        """Fails where the batch is 16, and measures the device where it is asked to."""
        self.asked.append((experiment.train.batch_size, options.peak))
        say("building")
        if experiment.train.batch_size == 16:
            raise UserError("out of\n  memory")
        return result(experiment.train.batch_size / 16, peak=PEAK if options.peak else None)

    def run_session(self, *batch_sizes, base=None, **changes):
        points = [point(**changes), *(point(batch_size=size) for size in batch_sizes)]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            report = session.run(points, OPTIONS, "tensorflow", self.out, base, self.measure)
        return report, output.getvalue()

    def test_a_failing_row_leaves_the_others(self):
        report, output = self.run_session(16, 4)
        self.assertEqual([row["error"] for row in report["rows"]], [None, "out of memory", None])
        self.assertEqual(json.loads(self.out.read_text()), json.loads(json.dumps(report)))
        self.assertIn("[1/3] experiment: building\n", output)
        self.assertIn("[2/3] batch_size=16: failed: out of memory\n", output)
        self.assertIn("[3/3] batch_size=4: 250 ms per step, 32 images/s\n", output)
        self.assertIn("\nbatch_size=16  failed: out of memory\n", output)
        self.assertTrue(output.endswith(f"written: {self.out}\n"))

    def test_the_device_is_measured_by_the_first_row_that_succeeds(self):
        report, _ = self.run_session(4, 2, batch_size=16)
        self.assertEqual(self.asked, [(16, True), (4, True), (2, False)])
        self.assertEqual(report["peak"], PEAK)
        self.assertAlmostEqual(report["rows"][2]["share_of_peak"], 2e10 / 0.125 / 1e11)

    def test_ratios_follow_the_table(self):
        base, _ = self.run_session()
        _, output = self.run_session(base=base)
        self.assertIn("ratios to the base (tensorflow 2.21.0 on Processor X)", output)

    def test_nothing_measured_is_an_error_and_leaves_no_file(self):
        with self.assertRaisesRegex(UserError, "nothing could be measured: out of memory"):
            self.run_session(batch_size=16)
        self.assertFalse(self.out.exists())

    def test_several_machines_are_refused(self):
        with self.assertRaisesRegex(UserError, "--strategy=multi_worker cannot be measured"):
            self.run_session(strategy="multi_worker")
        self.assertEqual(self.asked, [])
