"""SIGTERM and Ctrl-C as a request to stop at the next step."""

import os
import signal
import threading

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """While it is entered, SIGTERM and the first Ctrl-C are noted and announced; a second Ctrl-C interrupts.

    Python runs its handlers between two instructions of the main thread, which a call of TensorFlow or XLA may keep for
    minutes. So the line is printed by a thread, which the signal wakes at once through a pipe.

    Outside of the main thread nothing happens: whoever started it stops it.

    Args:
        note: Callable that takes the name of a signal (str); runs as its handler.
        tell: Callable that takes a line of text (str); runs in another thread, once.
    """

    def __init__(self, note, tell):
        self._note, self._tell = note, tell
        self._old_handlers, self._old_wakeup, self._write_end, self._thread = {}, -1, None, None

    def __enter__(self):
        """Takes over the signals."""
        try:
            self._old_handlers = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        except ValueError:  # not the main thread
            return self
        read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._old_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._announce, args=(read_end,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        """Gives the signals back; what has arrived is announced by then."""
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        if self._thread is not None:
            signal.set_wakeup_fd(self._old_wakeup)
            os.close(self._write_end)
            self._thread.join()

    def _handle(self, number, _):
        self._note(signal.Signals(number).name)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _announce(self, read_end):
        """Prints the line for the first byte that is one of the signals, and reads until the pipe is closed."""
        announced = False
        while arrived := os.read(read_end, 1):
            if arrived[0] in _SIGNALS and not announced:
                announced = True
                self._tell(f"{signal.Signals(arrived[0]).name}: stopping after this step, then saving")
        os.close(read_end)
