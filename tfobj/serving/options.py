"""What an export fixes for good: slots, iterations, threshold and noise."""

import dataclasses

from tfobj.errors import UserError

# Labels are served as uint8; slot k is label k + 1 in the thresholded map, and 255 means "ignored" in label maps.
MAX_SLOTS = 254


@dataclasses.dataclass(frozen=True)
class ServingOptions:
    """Constants of one exported model.

    Attributes:
        num_slots: int or None. Slots K; None keeps the model's.
        num_iterations: int or None. Iterations T; None keeps the model's.
        threshold: float in [0, 1]. A pixel belongs to its largest mask only if that mask exceeds it.
        noise_seed: int >= 0. Seed of the noise that every image gets.
        antialias: bool. Whether photos are shrunk with antialias, see `tfobj.data.framing.shrinks_with_antialias`.
    """

    num_slots: int = None
    num_iterations: int = None
    threshold: float = 0.5
    noise_seed: int = 0
    antialias: bool = True

    def of_run(self, run):
        """The same with what follows from a `tfobj.training.run_directory.Run`: how its recipe shrinks frames."""
        from tfobj.data import framing

        return dataclasses.replace(self, antialias=framing.shrinks_with_antialias(run.config.data.preprocessing))

    def noise_spec(self, model):
        """What one forward pass of `model` draws with these options, see `ObjectModel.noise_spec`."""
        return model.noise_spec(1, self.num_slots, self.num_iterations)

    def sample_noise_spec(self, model):
        """What a scene of `model`, a `tfobj.models.scene_prior.ScenePrior`, is drawn from with these options."""
        return model.sample_noise_spec(1, self.num_slots)

    def check_model(self, model):
        """Raises `UserError` if an option, or the model itself, cannot be served.

        Args:
            model: `ObjectModel`.
        """
        self.check(model.num_slots)
        if self.num_iterations is not None and "num_iterations" not in model.get_config():
            raise UserError(f"--num_iterations={self.num_iterations}: {model.name} has no iterations; leave it out")
        if model.num_frames:
            raise UserError(f"{model.name} was trained with --sequential on sequences of {model.num_frames} frames; "
                            "predictions and exports take single images: use a run without --sequential")

    def check(self, default_num_slots=1):
        """Raises `UserError` naming the first option that cannot be served.

        Args:
            default_num_slots: int. The model's own K, which must be servable too.
        """
        if self.num_slots is not None and self.num_slots < 1:
            raise UserError(f"--num_slots={self.num_slots}: expected at least 1; omit it to keep the model's")
        if (self.num_slots or default_num_slots) > MAX_SLOTS:
            raise UserError(f"--num_slots={self.num_slots or default_num_slots}: segmentations are served as 8-bit "
                            f"labels, which allows up to {MAX_SLOTS} slots; choose fewer")
        if self.num_iterations is not None and self.num_iterations < 0:
            raise UserError(f"--num_iterations={self.num_iterations}: expected 0 or more; omit it to keep the model's")
        if not 0.0 <= self.threshold <= 1.0:
            raise UserError(f"--threshold={self.threshold}: masks lie in [0, 1]; choose a threshold in that range")
        if self.noise_seed < 0:
            raise UserError(f"--noise_seed={self.noise_seed}: expected an integer of 0 or more")
