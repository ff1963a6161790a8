"""Cores and memory of the machine and of its container."""

import os
import tempfile
import unittest
import unittest.mock

from tfobj.data import machine


class MachineTest(unittest.TestCase):
    def test_cores(self):
        self.assertIn(machine.cores(), range(1, os.cpu_count() + 1))

    def test_a_container_limits_the_memory(self):
        everything = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        with tempfile.NamedTemporaryFile("w") as file, \
                unittest.mock.patch.object(machine, "_CONTAINER_LIMIT", file.name):
            for text, expected in (("max\n", range(1000, everything + 1)), ("999\n", (999,))):
                file.seek(0)
                file.write(text)
                file.flush()
                self.assertIn(machine.free_memory(), expected)


if __name__ == "__main__":
    unittest.main()
