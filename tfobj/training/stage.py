"""What trains a model during one phase of its run: optimizer, compiled step, checkpoints."""

from tfobj.training import precomputed
from tfobj.training.arrays import host_array
from tfobj.training.checkpoints import Checkpoints
from tfobj.training.checkpoints import named
from tfobj.training.schedules import make_optimizer


class Stage:
    """One phase in progress. Creating it makes the model enter the phase, with an optimizer that has made no step, or
    that of the phase before where the phase keeps its moments.

    Args:
        engine: See `tfobj.training.engine`.
        model: Built `SlotModel`.
        phase: `tfobj.training.phases.Phase`.
        training_input: Training input of the engine, with the batch size of the phase.
        directory: `pathlib.Path` of the run.
        before: The stage of the phase before, at its end, or None. Needed only for its moments.

    Attributes:
        phase: As given.
        checkpoints: `Checkpoints` of model and optimizer.
    """

    def __init__(self, engine, model, phase, training_input, directory, before=None):
        self.phase = phase
        self._directory = directory
        self._engine, self._model, self._input = engine, model, training_input
        joined = self._joined()
        with engine.scope():
            self._optimizer = make_optimizer(phase.config, phase.optimizer_start - phase.schedule_start, joined)
            self._optimizer.build(model.trainable_variables)
        if phase.earlier and before is not None:
            _carry_over(before._optimizer, self._optimizer)
        self.checkpoints = Checkpoints(directory, model, self._optimizer, phase.config.keep_checkpoints,
                                       engine.is_chief)
        self._training = None

    def restore(self):
        """Restores the latest checkpoint of the run, saved in this phase; returns its step, 0 if there is none."""
        return self.checkpoints.restore()

    def precompute(self, source, data_config, interrupted, say):
        """Computes what the phase computes once of every training image, unless it is there from an earlier process.

        Args:
            source: Source of the engine.
            data_config: `DataConfig`.
            interrupted: Callable without arguments that tells whether to stop.
            say: Callable of a message (str).

        Returns:
            bool, whether the phase can start; False: it was interrupted.

        Raises:
            UserError: the files cannot be written.
        """
        if not self.phase.precompute:
            self.tidy()
            return True
        images = self._engine.evaluation_input(source, data_config, "train", self._input.num_examples,
                                               self.phase.config.batch_size)
        arrays = precomputed.arrays_of(self._engine, self._model, images, self._directory, interrupted, say)
        if arrays is not None:
            self._input = self._input.with_parts(arrays)
        return arrays is not None

    def start(self, step):
        """Starts a training loop, see `tfobj.training.engine`, with the batch of a step of the run (int)."""
        if self._training is None:
            self._training = self._engine.training(self._model, self._optimizer, self.phase.config,
                                                   self.phase.optimizer_start)
        return self._training.start(self._input, self.phase.first_batch + step - self.phase.first_step)

    def tidy(self):
        """Removes what a phase has computed once and none needs any more."""
        self._engine.agree(False, 0.0)  # no worker reads it
        if self._engine.is_chief:
            precomputed.remove(self._directory)

    @property
    def learning_rate(self):
        """That of the next update, a scalar tensor."""
        return self._optimizer.learning_rate

    def _joined(self):
        """Updates that the optimizer had made when a weight joined it, dict from path; without those there from the
        first."""
        phase, joined = self.phase, {}
        for name, first_step in (*phase.earlier, (phase.name, phase.first_step)):
            if name:
                self._model.enter_phase(name)
            # A weight that was left out in between has lost its moments, and joins anew.
            joined = {variable.path: joined.get(variable.path, first_step - phase.optimizer_start)
                      for variable in self._model.trainable_variables}
        return {path: updates for path, updates in joined.items() if updates}


def _carry_over(source, target):
    """Gives an optimizer the count and the moments of another, of the weights that both train."""
    held = named("optimizer", source.variables)
    for name, variable in named("optimizer", target.variables).items():
        if name in held:
            variable.assign(host_array(held[name].value))
