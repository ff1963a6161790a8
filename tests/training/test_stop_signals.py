"""Signals that ask for a stop: noted, announced at once, and given back."""

import hashlib
import os
import signal
import threading
import unittest

from tfobj.training.stop_signals import StopSignals


class StopSignalsTest(unittest.TestCase):

    def setUp(self):
        self.events = []

    def entered(self):
        return StopSignals(self.events.append, self.events.append)

    def test_the_line_is_printed_while_the_main_thread_is_busy_outside_of_python(self):
        with self.entered():
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000)  # Python's handlers wait for its end
        self.assertEqual(self.events, ["SIGTERM: stopping after this step, then saving", "SIGTERM"])

    def test_signals_are_given_back(self):
        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        with self.entered():
            os.kill(os.getpid(), signal.SIGINT)
            with self.assertRaises(KeyboardInterrupt):  # the second time
                os.kill(os.getpid(), signal.SIGINT)
        self.assertEqual(sorted(self.events), ["SIGINT", "SIGINT: stopping after this step, then saving"])
        self.assertEqual([signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)], before)
        self.assertEqual(signal.set_wakeup_fd(-1), -1)

    def test_another_thread_is_left_alone(self):
        def run():
            with self.entered():
                self.events.append(signal.getsignal(signal.SIGTERM))

        before = signal.getsignal(signal.SIGTERM)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        self.assertEqual(self.events, [before])


if __name__ == "__main__":
    unittest.main()
