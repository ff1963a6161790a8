"""Measures how fast an experiment trains on this machine.

    python -m tfobj.benchmark --flagfile=experiments/slot_attention_clevr6.flags
    python -m tfobj.benchmark --flagfile=experiments/quickstart.flags --sweep=batch_size:8,16,32 --sweep=num_slots:4,8
    python -m tfobj.benchmark --flagfile=experiments/slot_attention_clevr6.flags --sweep=precision:mixed_bfloat16
    python -m tfobj.benchmark --flagfile=experiments/quickstart.flags --compare=runs/benchmarks/before.json
    KERAS_BACKEND=jax python -m tfobj.benchmark --flagfile=experiments/quickstart.flags

What runs is the training loop of tfobj.train: the same step, devices and arithmetic. The images are random ones in the
shape of the experiment's, so no data set is needed; with --data=real they are the experiment's, and the time of the
input pipeline alone is taken, too.

Every row is measured in a process of its own: the model is built and compiled, a warm-up follows, then --repeats calls
of the training loop of about --seconds each. Shown are the compile time, the median step and its quartiles with the
device synchronised, images per second, processor seconds of all threads, peak memory (of the GPU, or of the process on
a CPU), the operations of the model's layers per step, and what share of the device's best they reach, which a large
matrix product measures in the same run (and a large copy, for the memory's speed). On a machine that others use, look
at the processor seconds. A row that fails says why, and the others go on.

Several --sweep are run one after the other; each changes one flag of the experiment, whose own row is the first. The
numbers go to --out as JSON, and --compare prints ratios to an earlier file.
"""

import importlib.util
import os
import pathlib

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags
from tfobj.errors import UserError

_DATA = flags.DEFINE_enum("data", "synthetic", ["synthetic", "real"],
                          "Random images in memory, or the experiment's data set. (default: synthetic)")
_SWEEP = flags.DEFINE_multi_string("sweep", [], "Rows with other values of one flag, FLAG:VALUE,VALUE: batch_size, "
                                   "image_size, precision, jit_compile, optimizer, or a number or switch of the "
                                   "model, such as num_slots:4,7 or num_iterations:1,3,5. With image_size, "
                                   "--decoder_broadcast_size=0 lets Slot Attention's decoder follow")
_REPEATS = flags.DEFINE_integer("repeats", 5, "Timed calls of the training loop. (default: 5)", 1)
_SECONDS = flags.DEFINE_float("seconds", 2.0, "Length of each in seconds: at least one step, at most --steps_per_loop. "
                              "(default: 2)", 0.0)
_PEAK = flags.DEFINE_bool("peak", True, "Measure the device's best matrix product and copy. (default: true)")
_OUT = flags.DEFINE_string("out", None, "JSON file to write. (default: runs/benchmarks/<experiment>_<backend>.json)")
_COMPARE = flags.DEFINE_string("compare", None, "JSON file of an earlier benchmark to print ratios to.")
experiment_flags.define_experiment_flags()
flags.DEFINE_string("run_dir", None, "Nothing is written there; its last part names the experiment in --out.")
experiment_flags.SECTIONS["The model"].append("run_dir")


def main():
    """Reads the flags, measures, writes and prints."""
    from tfobj.benchmarks import comparison
    from tfobj.benchmarks import session
    from tfobj.benchmarks import sweeps
    from tfobj.benchmarks.options import Options

    points = sweeps.points(_SWEEP.value)
    backend = _checked_backend()
    base = comparison.read(_COMPARE.value) if _COMPARE.value else None
    out = _checked_out(points[0].experiment, backend)
    options = Options(_DATA.value == "real", _REPEATS.value, _SECONDS.value, _PEAK.value)
    session.run(points, options, backend, out, base)


def _checked_backend():
    """The backend's name; it is imported by the processes that measure."""
    backend = os.environ["KERAS_BACKEND"]
    if backend != "tensorflow":
        command_line.import_backend()  # looks whether it is there
    elif importlib.util.find_spec("tensorflow") is None:
        raise UserError("KERAS_BACKEND=tensorflow, but tensorflow is not installed; install it with `pip install "
                        "tensorflow`, or use KERAS_BACKEND=jax")
    return backend


def _checked_out(experiment, backend):
    """Path of the JSON file, in a directory that exists."""
    name = os.path.basename(os.path.normpath(flags.FLAGS.run_dir or f"{experiment.model}_{experiment.data.dataset}"))
    path = pathlib.Path(_OUT.value or f"runs/benchmarks/{name}_{backend}.json")
    if _COMPARE.value and path.resolve() == pathlib.Path(_COMPARE.value).resolve():
        raise UserError(f"--compare={_COMPARE.value} is the file that this benchmark would write; choose another "
                        "--out, or move that file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"--out={path}: {path.parent} is no directory; choose another place") from None
    if path.is_dir():
        raise UserError(f"--out={path} is a directory; give the name of a file, such as {path}/benchmark.json")
    return path


if __name__ == "__main__":
    command_line.run(main)
