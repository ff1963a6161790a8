"""Names of models and data sets."""

import dataclasses
import pathlib
import subprocess
import sys
import unittest

from tests.helpers import ROOT, slot_attention_config
from tfobj import registry
from tfobj.errors import UserError


class RegistryTest(unittest.TestCase):
    def test_every_model_exists_and_takes_its_configuration(self):
        for name, entry in registry.MODELS.items():
            self.assertTrue(dataclasses.is_dataclass(entry.config_class))
            model_class = registry.load(entry.path)
            self.assertEqual(model_class.__module__, entry.path.split(":")[0])
            self.assertTrue(model_class.__doc__, name)

    def test_every_reader_exists_and_counts_objects_for_each_variant(self):
        for name, entry in registry.DATASETS.items():
            if entry.path:
                module = ROOT.joinpath(*entry.path.split(":")[0].split(".")).with_suffix(".py")
                self.assertIn(f"class {entry.path.split(':')[1]}(", pathlib.Path(module).read_text())
            if entry.variants:
                self.assertEqual(sorted(entry.max_objects), sorted(entry.variants), name)
            else:
                self.assertIsInstance(entry.max_objects, int, name)
            self.assertTrue(entry.summary)

    def test_unknown_names_list_the_known_ones(self):
        with self.assertRaises(UserError) as raised:
            registry.model_entry("slot_atention")
        self.assertEqual(str(raised.exception), "--model='slot_atention' is unknown; choose one of: "
                         + ", ".join(sorted(registry.MODELS)))
        with self.assertRaises(UserError) as raised:
            registry.dataset_entry("mnist")
        self.assertIn("--dataset='mnist' is unknown; choose one of: ", str(raised.exception))
        for name in registry.DATASETS:
            self.assertIn(name, str(raised.exception))

    def test_built_model_carries_the_registered_name(self):
        model = registry.build_model("slot_attention", slot_attention_config(), [16, 16, 3])
        self.assertEqual((model.name, model.image_shape, model.num_slots), ("slot_attention", (16, 16, 3), 3))
        self.assertTrue(model.built)
        self.assertTrue(all(variable.path.startswith("slot_attention/") for variable in model.trainable_variables))

    def test_names_are_checked_before_anything_heavy_is_imported(self):
        program = ("import sys; import tfobj.flags, tfobj.registry; "
                   "print([name for name in ('tensorflow', 'keras', 'jax', 'numpy') if name in sys.modules])")
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "[]")
