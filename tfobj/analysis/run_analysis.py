"""Analyses a finished run; the logic of `python -m tfobj.evaluate --analysis=NAME`."""

import logging

from tfobj.analysis import catalogue
from tfobj.errors import UserError
from tfobj.training.opened_run import OpenedRun
from tfobj.training.opened_run import Settings


def run_analysis(name, options, countdown, run_dir, **settings):
    """Runs an analysis and writes `NAME.json` and `NAME.png` into the run directory.

    What differs from the default goes into the names of the files.

    Args:
        name: str. Key of `tfobj.analysis.catalogue.ANALYSES`.
        options: Instance of its options.
        countdown: Callable (verb, noun) that returns a callable (done, in all).
        run_dir: str or path.
        **settings: The other fields of `tfobj.training.opened_run.Settings`.

    Returns:
        Tuple (result, table, json path, picture path): the result is what the JSON file holds, the table its text.

    Raises:
        UserError: no run, no data, other data than in training, or the model does not offer what the analysis needs.
    """
    # Every number of slots or iterations is a graph of its own, of which TensorFlow would warn at length.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    opened = OpenedRun(Settings(run_dir, **settings))
    missing = [output for output in catalogue.ANALYSES[name].needs if output not in opened.model.output_names()]
    if missing:
        raise UserError(f"--analysis={name} needs {' and '.join(missing)}, which --model={opened.config.model} does "
                        "not have; choose another analysis")
    finding = catalogue.load(name)(opened, options, countdown)
    result = {**opened.about(), "options": dict(vars(options)), **finding.result}
    usual = type(options)()
    own = {field: (_in_a_name(value), _in_a_name(getattr(usual, field))) for field, value in vars(options).items()}
    return result, finding.table, *opened.write(name, result, finding.picture, **own)


def _in_a_name(value):
    return "-".join(map(str, value)) if isinstance(value, tuple) else value
