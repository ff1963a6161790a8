"""What all models share: noise as an argument, weights that are there at once, a loss against a target."""

import warnings

import keras
from keras import ops


class SlotModel(keras.Model):
    """Base of the classes of models, `ObjectModel` and `SetPredictor`: an image goes in, K slots come out.

    Models implement `noise_spec`, `forward` and `losses_of`. Images are float32 in [0, 1] at this boundary; a model
    that works in another range maps inside `forward` and computes its loss in its own range.

    Attributes:
        task: str. What the outputs are made for, a key of `tfobj.tasks.TASKS`; it decides how they are scored, drawn
            and served.
        needs_factors: bool. Whether the loss takes more of a batch than the images: the factors of the objects.
        image_shape: Tuple (H, W, C).
        num_slots: int. K in training.
        num_frames: int. Fewest frames of the sequences [B,F,H,W,C] that the model takes; 0: single pictures.
        iterations_to_build: int or None. Iterations that use every weight; None: those of training.
        phases: Tuple of str. Names of the phases of training that the model knows, see `enter_phase`.
        precomputable: Dict from the name of a phase to what `--phases` calls the `precomputation` that it can use.
        term_limits: Dict from the name of a term of training to a tuple (its largest value, the knob that says so); a
            run stops when the term exceeds it.
        is_judged: bool. Whether the current phase trains what validation scores, so that its best weights are kept.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int.
        **config: Every other constructor argument of the subclass, for `get_config`.
    """

    task = ""
    needs_factors = False
    num_frames = 0
    iterations_to_build = None
    phases = ()
    precomputable = {}
    term_limits = {}
    is_judged = True

    def __init__(self, image_shape, num_slots, name=None, **config):
        # Layers cast what they need; images and noise keep their precision until then.
        super().__init__(name=name, autocast=False)
        self.image_shape = tuple(image_shape)
        self.num_slots = num_slots
        self._config = {"image_shape": self.image_shape, "num_slots": num_slots, **config}
        self.seed_generator = keras.random.SeedGenerator(0)

    @classmethod
    def frames_of(cls, model_config):
        """`num_frames` of a model that would be built from a configuration of its class."""
        del model_config
        return cls.num_frames

    @property
    def example_shape(self):
        """Shape of one example: (H, W, C), or (F, H, W, C) with the fewest frames."""
        return (self.num_frames, *self.image_shape) if self.num_frames else self.image_shape

    def scored_frame(self, values, num_iterations=None):
        """The frame that the outputs describe.

        Args:
            values: Array of images or masks as the data have them: [B, H, W, ...], of sequences [B, F, H, W, ...].
            num_iterations: int or None. As given to `call`.

        Returns:
            [B, H, W, ...].
        """
        del num_iterations
        return values

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        """Names what one forward pass draws at random.

        Args:
            batch_size: int or scalar int tensor.
            num_slots: int or None. Overrides K.
            num_iterations: int or None. Overrides the number of iterations.

        Returns:
            Dict name -> `tfobj.noise.NoiseSpec`, batch first.

        Raises:
            UserError: the model cannot work with this K.
        """
        raise TypeError(f"{type(self).__name__} must define noise_spec")

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        """Computes the outputs but for what `completed` adds; see `call` for arguments and keys."""
        raise TypeError(f"{type(self).__name__} must define forward")

    @property
    def target_shape(self):
        """Shape of the target of one image."""
        return self.example_shape

    def target_of(self, image, batch):
        """What the outputs are compared with in training: the image itself, where nobody says what it shows.

        Args:
            image: float32 [B, H, W, C] or [B, F, H, W, C] in [0, 1], as given to `call`.
            batch: Dict of tensors, the batch of the data that the images are of.

        Returns:
            Float [B, *target_shape].
        """
        del batch
        return image

    def losses_of(self, target, outputs):
        """Computes the loss terms of each image.

        Args:
            target: What `target_of` returned for the images.
            outputs: What `call` returned for them.

        Returns:
            Dict of float32 [B]: `loss`, the value to minimise, and every named term.
        """
        raise TypeError(f"{type(self).__name__} must define losses_of")

    def training_noise_spec(self, batch_size):
        """Names what a training step draws, which may be more than `noise_spec`: dropout, say."""
        return self.noise_spec(batch_size)

    def training_terms(self, image, target, noise):
        """Computes the loss terms of each image in a training step.

        Args:
            image: As of `call`.
            target: As of `losses_of`.
            noise: Dict as named by `training_noise_spec`.

        Returns:
            Dict of float32 [B], `loss` among them.
        """
        return self.losses_of(target, self(image, noise=noise, training=True))

    def start_training(self):
        """Does what comes before the first step of a run but not before a resume; returns warnings, a list of str."""
        return []

    def enter_phase(self, name):
        """Makes `training_terms` and `trainable_variables` those of a phase, one of `phases`."""
        raise ValueError(f"{type(self).__name__} has no phase {name}")

    def precomputation(self):
        """What a phase of `precomputable` can compute once of every training image.

        Returns:
            `tfobj.models.precomputation.Precomputation`; its name is an argument of `training_terms`.
        """
        raise ValueError(f"{type(self).__name__} computes nothing in advance")

    def after_step(self, terms):
        """Updates training state that depends on the loss, from terms averaged over the global batch.

        Args:
            terms: Dict name -> scalar tensor, equal on every replica.
        """

    def draw_noise(self, batch_size, num_slots=None, num_iterations=None):
        """Draws one sample of every entry of `noise_spec` from the model's own seed generator."""
        draw = {"normal": keras.random.normal, "uniform": keras.random.uniform}
        return {name: draw[entry.distribution](entry.shape, dtype="float32", seed=self.seed_generator)
                for name, entry in self.noise_spec(batch_size, num_slots, num_iterations).items()}

    def call(self, image, noise=None, num_slots=None, num_iterations=None, training=None):
        """Finds the objects in a batch of images.

        Args:
            image: float32 [B, H, W, C] in [0, 1]; sequences [B, F, H, W, C] where the model takes them.
            noise: Dict as named by `noise_spec`, or None to draw it. With noise given, the result is deterministic.
            num_slots: int or None. Overrides K; must agree with `noise`.
            num_iterations: int or None. Overrides the number of iterations; must agree with `noise`.
            training: bool. True in training steps; Keras hands it to the layers that ask for it.

        Returns:
            Dict of what `ObjectModel` or `SetPredictor` names, and further keys as the model documents.
        """
        if noise is None:
            noise = self.draw_noise(ops.shape(image)[0], num_slots, num_iterations)
        return self.completed(self.forward(image, noise, num_slots, num_iterations))

    def completed(self, outputs):
        """Adds what follows from the outputs that `forward` returned."""
        return outputs

    def build(self, input_shape=None):
        """Leaves it to the layers to build themselves in the first call, instead of tracing a whole call for it."""

    def build_on_zeros(self):
        """Creates every weight by running one empty image, on JAX its shape alone; returns the model."""
        if not self.built:
            self._outputs_of_zeros()
        return self

    def output_names(self):
        """Names of what a call returns, set of str."""
        return set(self._outputs_of_zeros())

    def _outputs_of_zeros(self):
        # JAX would compile hundreds of small programs for the values.
        zeros = keras.KerasTensor if keras.config.backend() == "jax" else ops.zeros
        iterations = self.iterations_to_build
        noise = {name: zeros(entry.shape) for name, entry in self.noise_spec(1, None, iterations).items()}
        with warnings.catch_warnings():
            # When an option is wrong, Keras first warns at length and then raises the error that says it.
            warnings.simplefilter("ignore")
            return self(zeros((1, *self.example_shape)), noise=noise, num_iterations=iterations)

    def build_from_config(self, config):
        """Builds a model that is read from a file, by a call: its weights get the paths they always have."""
        self.build_on_zeros()

    def get_config(self):
        return {"name": self.name, **self._config}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
