"""One call that runs an experiment, and what becomes of the process when another machine is lost."""

import os
import pathlib
import sys

from tfobj.training.checkpoints import newest
from tfobj.training.trainer import Trainer

LOST_WORKER = 75
"""Exit status when another worker is gone: restart all workers to resume (EX_TEMPFAIL of sysexits.h)."""


def train(experiment, run_dir, advise=False):
    """Runs an experiment; the whole of `python -m tfobj.train` after the flags.

    A process that loses another worker ends with exit status `LOST_WORKER`.

    Args:
        experiment: `ExperimentConfig`.
        run_dir: str.
        advise: bool. At the end, also print the command that scores the run. Defaults to `False`.

    Returns:
        Dict of scores, see `Trainer.run`.
    """
    try:
        return Trainer(experiment, run_dir).run(advise)
    except Exception as error:  # TensorFlow's own kinds, which are not named here because it need not be installed
        if experiment.train.strategy != "multi_worker" or not _means_lost_worker(error):
            raise
        saved = newest(pathlib.Path(run_dir) / "checkpoints") or "none"
        print(f"error: another worker is gone ({type(error).__name__}); the last checkpoint is {saved}; restart all "
              "workers with the same commands to resume", file=sys.stderr, flush=True)
        # The runtime would wait for the lost worker in its destructors.
        os._exit(LOST_WORKER)


def _means_lost_worker(error):
    import tensorflow as tf

    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
            tf.errors.DeadlineExceededError)
    return isinstance(error, gone) or (isinstance(error, tf.errors.InternalError) and "ollective" in str(error))
