"""The file, the table and the ratios, from rows as if they had been measured."""

import json
import pathlib
import tempfile
import unittest

from tests.benchmarks import measurements
from tests.benchmarks.measurements import EXPERIMENT, OPTIONS, point, result
from tfobj.benchmarks import comparison
from tfobj.benchmarks import report as reports
from tfobj.errors import UserError

ROWS = [(point(), result(), None), (point(batch_size=16), None, "out of memory"),
        (point(batch_size=4), result(0.25, 1e10, peak=None), None),
        (point(precision="mixed_bfloat16"), result(0.1, precision="bfloat16", peak=None), None)]


def assemble(rows=None):
    """A report as it comes back from its file."""
    return json.loads(json.dumps(reports.assemble(EXPERIMENT, "tensorflow", OPTIONS, rows or ROWS)))


class ReportTest(unittest.TestCase):
    def test_the_file_holds_machine_versions_flags_and_all_rows(self):
        report = assemble()
        self.assertEqual((report["format"], report["backend"], report["data"]), (1, "tensorflow", "synthetic"))
        self.assertEqual((report["machine"]["cores"], report["versions"]["keras"]), (2, "3.15.1"))
        self.assertEqual((report["flags"]["num_slots"], report["flags"]["batch_size"]), (3, 8))
        self.assertEqual([row["label"] for row in report["rows"]],
                         ["experiment", "batch_size=16", "batch_size=4", "precision=mixed_bfloat16"])
        self.assertEqual([row["error"] for row in report["rows"]], [None, "out of memory", None, None])
        self.assertEqual(report["rows"][2]["changes"], {"batch_size": 4})
        self.assertEqual(report["rows"][0]["step_seconds"]["values"], [0.495, 0.5, 0.51])
        self.assertEqual(report["peak"], measurements.PEAK)
        self.assertNotIn("secret", json.dumps(report))

    def test_shares_are_of_the_peak_of_the_rows_arithmetic(self):
        shares = [row.get("share_of_peak") for row in assemble()["rows"]]
        self.assertEqual(shares, [0.4, None, 0.4, 0.5])  # 40 and 40 of 100, 200 of 400 GFLOP/s

    def test_arithmetic_without_a_peak_is_measured_against_float32(self):
        row, = assemble([(point(), result(precision="tensorfloat32"), None)])["rows"]
        self.assertEqual(row["share_of_peak"], 0.4)

    def test_several_accelerators_have_several_peaks(self):
        row, = assemble([(point(), result(devices={"description": "4 GPUs", "accelerators": 4}), None)])["rows"]
        self.assertEqual(row["share_of_peak"], 0.1)

    def test_the_table(self):
        lines = reports.table(assemble()).splitlines()
        self.assertEqual(lines[0], "slot_attention on random images in place of clevr_masks")
        self.assertEqual(lines[1], "tensorflow 2.21.0, keras 3.15.1, float32, 1 CPU: Processor X, 2 cores, 16.00 GiB")
        self.assertEqual(lines[2], "peak of the device: matrix product float32 100 GFLOP/s, bfloat16 400 GFLOP/s; copy "
                                   "20 GB/s")
        self.assertEqual(lines[4].split(), ["batch", "image", "compile", "step", "spread", "images/s", "CPU/step",
                                            "memory", "FLOP/step", "FLOP/s", "of", "peak"])
        self.assertEqual(lines[5].split(), "experiment 8 128x96x3 12 s 500 ms -1.0 +2.0 % 16 1 s 3.00 GiB 20 G 40 G "
                                           "40.0 %".split())
        self.assertEqual(lines[8], "batch_size=16  failed: out of memory")
        self.assertEqual(len({len(line) for line in lines[4:8]}), 1)

    def test_real_data_has_a_column_for_the_input(self):
        report = {**assemble([(point(), result(input_seconds=0.003), None)]), "data": "real"}
        lines = reports.table(report).splitlines()
        self.assertIn("slot_attention on the images of clevr_masks", lines[0])
        self.assertIn("input", lines[4])
        self.assertIn(" 3 ms ", lines[5])

    def test_what_was_not_counted_is_named(self):
        flops = {"forward": 1, "training_step": 3, "by_kind": {}, "uncounted": ["SimpleRNN"]}
        text = reports.table(assemble([(point(), result(flops_per_second=6.0) | {"flops": flops}, None)]))
        self.assertTrue(text.endswith("not counted in FLOP: SimpleRNN"), text)

    def test_numbers(self):
        self.assertEqual([reports.seconds(value) for value in (None, 0.0123, 0.9, 12.34, 4321.0)],
                         ["-", "12.3 ms", "900 ms", "12.3 s", "4321 s"])
        self.assertEqual([reports.memory(value) for value in (None, 2**20, 2**29, 2**30)],
                         ["-", "1 MiB", "512 MiB", "1.00 GiB"])
        self.assertEqual([reports.scaled(value) for value in (1.0236e12, 999.9e9, 5.79e9, 7.2e6, 2048)],
                         ["1.02 T", "1 T", "5.79 G", "7.2 M", "2.05 k"])
        self.assertEqual([reports.number(value) for value in (0.0123, 48.0, 1234.5)], ["0.0123", "48", "1234"])


class ComparisonTest(unittest.TestCase):
    def test_ratios_of_rows_with_the_same_name(self):
        faster = assemble([(point(), result(0.4, compile_seconds=6.0), None), (point(batch_size=16), result(), None),
                           (point(batch_size=4), result(0.5), None)])
        lines = comparison.table(faster, assemble()).splitlines()
        self.assertEqual(lines[0], "ratios to the base (tensorflow 2.21.0 on Processor X), this / base:")
        self.assertEqual(lines[1].split(), ["step", "images/s", "CPU/step", "compile", "input", "memory", "FLOP/step"])
        self.assertEqual(lines[2].split(), ["experiment", "0.8", "1.25", "0.8", "0.5", "-", "1", "1"])
        self.assertEqual(lines[3].split(), ["batch_size=4", "2", "0.5", "2", "1", "-", "1", "2"])
        self.assertEqual(len(lines), 4)

    def test_what_else_differs_is_told(self):
        base = assemble()
        base["machine"]["device"], base["backend"] = "Processor Y", "jax"
        base["versions"]["jax"], base["flags"]["num_slots"] = "0.10", 7
        line = comparison.table(assemble(), base).splitlines()[1]
        self.assertEqual(line, "not the same: backend jax there, tensorflow here; device Processor Y there, "
                               "Processor X here; --num_slots=7 there, 3 here")

    def test_a_fresh_report_equals_its_file(self):
        fresh = reports.assemble(EXPERIMENT, "tensorflow", OPTIONS, ROWS)
        self.assertNotIn("not the same", comparison.table(fresh, assemble()))

    def test_nothing_in_common(self):
        other = assemble([(point(batch_size=2), result(), None)])
        self.assertIn("no row was measured in both", comparison.table(other, assemble()))

    def test_files(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "base.json"
            path.write_text(json.dumps(assemble()))
            self.assertEqual(comparison.read(str(path)), assemble())
            for content in ("no JSON", "[]", '{"format": 0}'):
                path.write_text(content)
                with self.assertRaisesRegex(UserError, "is no benchmark of this version"):
                    comparison.read(str(path))
            for name in ("missing.json", "."):
                with self.assertRaisesRegex(UserError, "cannot be read"):
                    comparison.read(str(pathlib.Path(directory) / name))
