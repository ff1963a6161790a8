"""What trains a model during one phase of its run: optimizer, compiled step, checkpoints."""

from tfobj.training.checkpoints import Checkpoints
from tfobj.training.checkpoints import newest
from tfobj.training.checkpoints import newest_step
from tfobj.training.checkpoints import restore_model
from tfobj.training.schedules import make_optimizer


class Stage:
    """One phase in progress. Creating it makes the model enter the phase, with an optimizer that has made no step.

    Args:
        engine: See `tfobj.training.engine`.
        model: Built `SlotModel`.
        phase: `tfobj.training.phases.Phase`.
        training_input: Training input of the engine, with the batch size of the phase.
        directory: `pathlib.Path` of the run.

    Attributes:
        phase: As given.
        checkpoints: `Checkpoints` of model and optimizer.
    """

    def __init__(self, engine, model, phase, training_input, directory):
        self.phase = phase
        self._engine, self._model, self._input, self._directory = engine, model, training_input, directory
        if phase.name:
            model.enter_phase(phase.name)
        with engine.scope():
            self._optimizer = make_optimizer(phase.config, phase.first_step - phase.schedule_start)
            self._optimizer.build(model.trainable_variables)
        self.checkpoints = Checkpoints(directory, model, self._optimizer, phase.config.keep_checkpoints,
                                       engine.is_chief)
        self._training = None

    def restore(self):
        """Restores the latest checkpoint of the run; returns its step, 0 if there is none.

        What was saved at the end of the phase before holds the optimizer of that phase, which is not needed any more.
        """
        folder = self._directory / "checkpoints"
        if 0 < self.phase.first_step == newest_step(folder):
            return restore_model(self._model, newest(folder))
        return self.checkpoints.restore()

    def start(self, step):
        """Starts a training loop, see `tfobj.training.engine`, with the batch of a step of the run (int)."""
        if self._training is None:
            self._training = self._engine.training(self._model, self._optimizer, self.phase.config,
                                                   self.phase.first_step)
        return self._training.start(self._input, self.phase.first_batch + step - self.phase.first_step)

    @property
    def learning_rate(self):
        """That of the next update, a scalar tensor."""
        return self._optimizer.learning_rate
