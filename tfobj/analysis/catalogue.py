"""name -> analysis. Nothing heavy is imported before it is asked for."""

import dataclasses

from absl import flags

from tfobj import flags as config_flags
from tfobj import registry
from tfobj.analysis import options


@dataclasses.dataclass(frozen=True)
class Entry:
    """Where an analysis lives.

    Attributes:
        options: Class of its options, see `tfobj.analysis.options`.
        path: str, `module:function`.
        summary: str. One line for `--help`.
        needs: Tuple of str, names of outputs that a model must have.
    """

    options: type
    path: str
    summary: str
    needs: tuple = ("masks", "reconstruction")


ANALYSES = {
    "iterations": Entry(options.IterationsOptions, "tfobj.analysis.iterations:analyse",
                        "scores after each of many iterations"),
    "slots": Entry(options.SlotsOptions, "tfobj.analysis.slots:analyse", "scores against the number of slots"),
    "factors": Entry(options.FactorsOptions, "tfobj.analysis.factors:analyse",
                     "what a linear layer reads about the objects from their slots", ("masks", "slots")),
    "traversals": Entry(options.TraversalsOptions, "tfobj.analysis.traversals:analyse",
                        "what single latent dimensions of a slot change in the picture"),
    "multistability": Entry(options.MultistabilityOptions, "tfobj.analysis.multistability:analyse",
                            "how many different segmentations of one image there are", ("segmentation",)),
    "precision": Entry(options.PrecisionOptions, "tfobj.analysis.precision:analyse",
                       "average precision of sets against iterations and numbers of objects", ("predictions",)),
    "objects": Entry(options.ObjectsOptions, "tfobj.analysis.objects:analyse",
                     "average precision of sets on scenes with exactly as many objects as slots", ("predictions",)),
}


def define_flags():
    """Defines `--analysis` and the flags of all analyses."""
    summaries = "; ".join(f"{name}: {entry.summary}" for name, entry in ANALYSES.items())
    flags.DEFINE_enum("analysis", None, list(ANALYSES), f"Instead of the table of scores: {summaries}.")
    config_flags.SECTIONS["Analyses"] = ["analysis"]
    for name, entry in ANALYSES.items():
        config_flags.define_config_flags(entry.options, f"--analysis={name}")


def read_options():
    """The options of the chosen analysis, None where none was chosen.

    Raises:
        UserError: a value out of bounds, or a flag of another analysis.
    """
    name = flags.FLAGS.analysis
    own = [ANALYSES[name].options] if name else []
    chosen = f"--analysis={name}" if name else "the table of scores, for which --analysis is not given"
    config_flags.refuse_foreign_flags(chosen, own, [entry.options for entry in ANALYSES.values()])
    return config_flags.read_config(*own) if name else None


def load(name):
    """Imports the function of an analysis."""
    return registry.load(ANALYSES[name].path)
