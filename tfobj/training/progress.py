"""What a run says while it works: one line with loss, score, speed and time left."""

import sys
import time


def duration(seconds):
    """Formats seconds as `1:02:03` or `2:03`."""
    seconds = int(max(seconds, 0))
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"


class Progress:
    """Prints a progress line; on a terminal it is rewritten in place, in a log file it appears every few seconds.

    Args:
        first_step: int. The step at which this process starts.
        num_steps: int. The step at which it ends.
        batch_size: int. Images per step.
        quiet: bool. Prints nothing (later workers).
        interval: float. Seconds between lines when the output is no terminal. Defaults to `10.0`.
    """

    def __init__(self, first_step, num_steps, batch_size, quiet=False, interval=10.0):
        self._num_steps, self._batch_size, self._quiet, self._interval = num_steps, batch_size, quiet, interval
        self._terminal = sys.stdout.isatty()
        self._seconds, self._steps, self._printed, self._width = 0.0, 0, 0.0, 0
        self._first = first_step
        self._recent = None
        self._phase, self._end = "", num_steps

    def enter_phase(self, name, end, step, batch_size):
        """Begins to measure the speed of a phase that is called `name` (str) and ends at step `end` (int)."""
        self._phase, self._end, self._batch_size = name, end, batch_size
        self._first, self._recent = step, None

    def count(self, steps, seconds):
        """Adds training time; the first call, which compiles, does not enter the speed."""
        if self._first is not None:
            self._first = None
            return
        self._steps, self._seconds = self._steps + steps, self._seconds + seconds
        rate = seconds / max(steps, 1)
        self._recent = rate if self._recent is None else 0.8 * self._recent + 0.2 * rate

    @property
    def seconds_per_step(self):
        """Recent seconds per step, None before the second call of `count`."""
        return self._recent

    @property
    def images_per_second(self):
        """Recent images per second, 0 before the second call of `count`."""
        return self._batch_size / self._recent if self._recent else 0.0

    def show(self, step, numbers, force=False):
        """Prints `step 1200/5000  loss 0.0123  ...  355 images/s  ETA 2:10`; in a phase, its name and its ETA."""
        now = time.monotonic()
        if self._quiet or not (force or self._terminal or now - self._printed >= self._interval):
            return
        self._printed = now
        words = [f"step {step}/{self._num_steps}", *(f"{name} {value:.4g}" for name, value in numbers.items())]
        if self._phase:
            words.insert(1, f"{self._phase} to {self._end}")
        if self._recent:
            left = (self._end - step) * self._recent
            words += [f"{self.images_per_second:.0f} images/s", f"ETA {duration(left)}"]
        line = "  ".join(words)
        if self._terminal:
            sys.stdout.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def say(self, message):
        """Prints a message on a line of its own."""
        if self._quiet:
            return
        if self._terminal and self._width:
            sys.stdout.write("\n")
            self._width = 0
        print(message, flush=True)


class Countdown:
    """Prints `reading 120/2000 images  31 images/s  ETA 1:01`: in place on a terminal, else every ten seconds.

    Args:
        verb: str. What is being done.
        noun: str. What it is done to. Defaults to `images`.
    """

    def __init__(self, verb, noun="images"):
        self._verb, self._noun = verb, noun
        self._start = self._printed = time.monotonic()

    def __call__(self, done, total):
        """Notes that `done` of `total` are finished."""
        now, terminal = time.monotonic(), sys.stdout.isatty()
        if done < total and now - self._printed < (0.1 if terminal else 10.0):
            return
        self._printed = now
        rate = done / max(now - self._start, 1e-3)
        left = duration((total - done) / rate)
        line = f"{self._verb} {done}/{total} {self._noun}  {rate:.3g} {self._noun}/s  ETA {left}"
        print(line.ljust(78), end="\r" if terminal and done < total else "\n", flush=True)
