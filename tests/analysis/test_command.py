"""`python -m tfobj.evaluate --analysis`: its flags, and the files of every analysis."""

import contextlib
import json
import pathlib
import unittest
from unittest import mock

import numpy as np
from absl import flags
from absl.testing import flagsaver
from PIL import Image

from tests.analysis.opened import run_dir, silent
from tests.test_command_line import run_python
from tfobj import flags as config_flags
from tfobj.analysis import catalogue
from tfobj.analysis.options import FactorsOptions, IterationsOptions, MultistabilityOptions, SlotsOptions
from tfobj.analysis.options import TraversalsOptions
from tfobj.analysis.run_analysis import run_analysis
from tfobj.errors import UserError
from tfobj.models.slot_attention import SlotAttentionAutoencoder

SMALL = {"iterations": IterationsOptions(), "slots": SlotsOptions((2, 4)), "factors": FactorsOptions(8, 2),
         "traversals": TraversalsOptions(num_dims=2), "multistability": MultistabilityOptions(num_seeds=4)}


@contextlib.contextmanager
def parsed(*arguments):
    """Defines the flags and parses `arguments`."""
    with flagsaver.flagsaver(), mock.patch.dict(config_flags.SECTIONS, clear=True):
        if "analysis" not in flags.FLAGS:
            catalogue.define_flags()
        flags.FLAGS(["evaluate", *arguments])
        yield


class FlagsTest(unittest.TestCase):
    def test_options_are_those_of_the_chosen_analysis(self):
        with parsed("--analysis=slots", "--slots=2,3"):
            self.assertEqual(catalogue.read_options(), SlotsOptions((2, 3)))
        with parsed("--analysis=multistability", "--image_index=4"):
            self.assertEqual(catalogue.read_options(), MultistabilityOptions(image_index=4))
        with parsed():
            self.assertIsNone(catalogue.read_options())

    def test_flags_of_others_are_refused(self):
        with parsed("--analysis=slots", "--num_dims=3"):
            with self.assertRaisesRegex(UserError, "--num_dims is no flag of --analysis=slots; it has: slots"):
                catalogue.read_options()
        with parsed("--slots=3"):
            with self.assertRaisesRegex(UserError, "--slots is no flag of the table of scores, for which --analysis"):
                catalogue.read_options()
        with parsed("--analysis=traversals", "--num_values=1"):
            with self.assertRaisesRegex(UserError, "--num_values=1 is below the smallest possible value 2"):
                catalogue.read_options()

    def test_help_lists_the_analyses_with_examples(self):
        status, output, _ = run_python("-m", "tfobj.evaluate", "--help")
        self.assertEqual(status, 0)
        self.assertIn("  --analysis=iterations|slots|factors|traversals|multistability|precision|objects\n", output)
        for name, entry in catalogue.ANALYSES.items():
            self.assertIn(f"    python -m tfobj.evaluate --run_dir=R --analysis={name}", output)
            self.assertIn(entry.summary.split()[-1], output)
        self.assertIn("--analysis=factors\n  --probe_examples=INT", output)


class NeedsTest(unittest.TestCase):
    def test_a_model_without_the_outputs_is_refused(self):
        with mock.patch.object(SlotAttentionAutoencoder, "output_names", return_value={"slots", "properties"}):
            for name, missing in (("slots", "masks and reconstruction"), ("multistability", "segmentation")):
                with self.assertRaisesRegex(UserError, f"--analysis={name} needs {missing}, which --model=slot_att"):
                    run_analysis(name, SMALL[name], silent, run_dir())


class FilesTest(unittest.TestCase):
    def test_every_analysis_writes_its_result_and_a_picture(self):
        of_sets = {name for name, entry in catalogue.ANALYSES.items() if entry.needs == ("predictions",)}
        self.assertEqual(set(SMALL) | of_sets, set(catalogue.ANALYSES))
        names = {"iterations": "iterations_n4_T2", "slots": "slots_n4_slots2-4",
                 "factors": "factors_n4_probe_examples8_probe_steps2", "traversals": "traversals_n4_num_dims2",
                 "multistability": "multistability_n4_num_seeds4"}
        for name, options in SMALL.items():
            with self.subTest(name=name):
                more = {"num_iterations": 2} if name == "iterations" else {}
                result, table, path, picture = run_analysis(name, options, silent, run_dir(), num_examples=4,
                                                            batch_size=4, **more)
                self.assertEqual((path.stem, picture.name), (names[name], f"{names[name]}.png"))
                written = json.loads(pathlib.Path(path).read_text())
                self.assertEqual((written["data"], written["split"], written["step"]),
                                 ("colored_shapes/tiny", "test", 0))
                self.assertEqual(written, json.loads(json.dumps(result)))
                self.assertTrue(table)
                with Image.open(picture) as opened:
                    self.assertGreater(np.asarray(opened).std(), 10.0)
