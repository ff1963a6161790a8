"""Order and splits of releases, and what their worker processes import."""

import contextlib
import io
import subprocess
import sys
import unittest

from tests.helpers import ROOT
from tfobj.data.builders import release_order


class ReleaseOrderTest(unittest.TestCase):

    def test_order_is_that_of_pythons_generator_with_seed_0(self):
        self.assertEqual(release_order.fixed_order("abcdefgh"), list("ebfcadhg"))

    def test_tenths(self):
        splits = release_order.tenths(list(range(29)), "test", "validation", "here")
        self.assertEqual(splits, {"train": list(range(4, 29)), "validation": [2, 3], "test": [0, 1]})
        self.assertEqual(list(splits), ["train", "validation", "test"])
        with contextlib.redirect_stderr(io.StringIO()) as remark:
            self.assertEqual(release_order.tenths([7] * 9, "validation", "test", "here"), {"train": [7] * 9})
        self.assertIn("here holds 9 ", remark.getvalue())

    def test_what_workers_load_does_not_import_tensorflow(self):
        names = ", ".join(f"tfobj.data.builders.{name}_files" for name in
                          ("apc", "clevr", "clevrtex", "shapestacks", "sketchy"))
        program = f"import sys; import {names}; print('PIL' in sys.modules, 'tensorflow' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "True False")


if __name__ == "__main__":
    unittest.main()
