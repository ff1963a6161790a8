"""The flags by which `tfobj.export` and `tfobj.predict` choose a run and what is fixed when it is used."""

from absl import flags

from tfobj import flags as experiment_flags
from tfobj.serving.options import ServingOptions

flags.disclaim_key_flags()  # they are the command's own flags, and its --help lists them as such


def define():
    """Defines `--run_dir`, `--checkpoint`, one flag per field of `ServingOptions`, and `define_test_time_flags`."""
    flags.DEFINE_string("run_dir", None, "Directory of the run that tfobj.train wrote.")
    flags.DEFINE_enum("checkpoint", "best", ["best", "latest"], "Which weights of the run. (default: best)")
    flags.DEFINE_integer("num_slots", None, "Slots K. (default: as trained)")
    flags.DEFINE_integer("num_iterations", None, "Iterations T. (default: as trained)")
    flags.DEFINE_float("threshold", 0.5, "Mask above which a pixel belongs to a slot and not to the background; 0 "
                       "gives every pixel to its largest mask. Of predicted sets, the confidence from which on "
                       "tfobj.predict lists an object; their exports have none. (default: 0.5)")
    flags.DEFINE_integer("noise_seed", 0, "Seed of the noise that every image gets. (default: 0)")
    experiment_flags.define_test_time_flags()


def options():
    """Returns the checked `ServingOptions`; raises `UserError` for a value that no model can serve."""
    values = flags.FLAGS
    chosen = ServingOptions(values.num_slots, values.num_iterations, values.threshold, values.noise_seed)
    chosen.check()
    return chosen
