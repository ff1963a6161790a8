"""Data as arrays where TensorFlow and TFDS cannot be imported, in a process of its own."""

import json
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from tests.helpers import ROOT
from tfobj.config import DataConfig
from tfobj.data import memory
from tfobj.data import prepared

# Draws one tiny set and reads a prepared one, with workers; prints what the parent compares.
_PROGRAM = """
import json, sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None
from tfobj.config import DataConfig
from tfobj.data import array_sets, memory

array_sets.FEW = 10
found = {}
for name in ("colored_shapes", "tetrominoes"):
    data = DataConfig(dataset=name, dataset_config="tiny", data_dir=sys.argv[1], image_size="24", min_objects=3)
    source = memory.open_source(data)
    training = memory.MemoryTrainingInput(source, data, 8, 5)
    evaluation = memory.MemoryEvaluationInput(source, data, "validation", 0, 8, factors=True)
    last = list(evaluation.batches())[-1]
    found[name] = {
        "rows": training.rows(9).tolist(), "image": float(training.images[training.rows(9)].sum(dtype=float)),
        "mask": int(last["mask"].sum()), "shape": last["objects"]["shape"].tolist(), "valid": last["valid"].tolist(),
        "fingerprint": source.fingerprint()}
heavy = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
print(json.dumps({**found, "heavy": sorted(heavy & {"tensorflow", "tensorflow_datasets", "keras", "jax"})}))
"""


class WithoutTensorFlowTest(unittest.TestCase):
    def test_a_drawn_and_a_prepared_set(self):
        with tempfile.TemporaryDirectory() as directory:
            data = {name: DataConfig(dataset=name, dataset_config="tiny", data_dir=directory, image_size="24",
                                     min_objects=3) for name in ("colored_shapes", "tetrominoes")}
            prepared.prepare_dataset(data["tetrominoes"])
            done = subprocess.run([sys.executable, "-c", _PROGRAM, directory], cwd=ROOT, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = done.stdout.splitlines()
            found = json.loads(lines[-1])
            self.assertEqual(found.pop("heavy"), [])
            self.assertEqual([line.partition(" ")[0] for line in lines[:-1]],
                             ["drawing", "train:", "drawing", "validation:", "decoding", "train:", "decoding",
                              "validation:"])
            for name, values in found.items():
                self.compare(data[name], values)

    def compare(self, data, values):
        """Compares with what this process finds in the same directory."""
        source = memory.open_source(data)
        training = memory.MemoryTrainingInput(source, data, 8, 5)
        batch = training.batch(9)
        self.assertEqual(values["rows"], training.rows(9).tolist())
        self.assertAlmostEqual(values["image"], batch["image"].sum(dtype=float), places=3)
        last = list(memory.MemoryEvaluationInput(source, data, "validation", 0, 8, factors=True).batches())[-1]
        self.assertEqual(values["mask"], int(last["mask"].sum()))
        np.testing.assert_array_equal(values["shape"], last["objects"]["shape"])
        np.testing.assert_array_equal(values["valid"], last["valid"])
        self.assertEqual(values["fingerprint"], json.loads(json.dumps(source.fingerprint())))


if __name__ == "__main__":
    unittest.main()
