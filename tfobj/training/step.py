"""The training step: one function for one device, several devices and several machines.

Order: loss and gradients of each replica -> mean over replicas -> global-norm clip -> optimizer. Many steps run in one
call of a `tf.function`.
"""

import zlib

import tensorflow as tf

from tfobj.training.arrays import unit_range
from tfobj.training.health import is_healthy


def step_noise(spec, seed, step, replica_id):
    """Draws the noise of one replica in one step.

    Every replica draws the noise of the whole global batch from (seed, step) and takes its own rows. A run on many
    devices therefore sees the numbers that one device sees, and no two images share theirs.

    Args:
        spec: Dict name -> `NoiseSpec` for the *global* batch.
        seed: int.
        step: int64 scalar.
        replica_id: int32 scalar, position of the replica among all.

    Returns:
        Function of the local batch size, which returns a dict name -> float32 [local batch, ...].
    """
    def rows_of(local_batch):
        first = replica_id * local_batch
        return {name: _draw(name, entry, seed, step)[first:first + local_batch] for name, entry in spec.items()}

    return rows_of


def _draw(name, entry, seed, step):
    stream = tf.constant([seed & 0x7FFFFFFF, zlib.crc32(name.encode()) & 0x7FFFFFFF], tf.int32)
    stream = tf.random.fold_in(stream, step)
    sample = tf.random.stateless_normal if entry.distribution == "normal" else tf.random.stateless_uniform
    return sample(entry.shape, seed=stream)


class TrainingStep:
    """Builds the function that runs many optimizer steps in one call.

    Args:
        model: Built `SlotModel`, created in the strategy's scope.
        optimizer: Keras optimizer, built in the strategy's scope.
        strategy: `tf.distribute.Strategy`.
        seed: int. Seed of the noise.
        clip_norm: float. Global norm to which the reduced gradients are clipped; 0 for none.
        jit_compile: bool. Compile loss and gradients with XLA.
        first_step: int. Step of the run at which the optimizer has made none.
    """

    def __init__(self, model, optimizer, strategy, seed, clip_norm=0.0, jit_compile=False, first_step=0):
        self.model = model
        self.optimizer = optimizer
        self.strategy = strategy
        self.seed = seed
        self.clip_norm = clip_norm
        self.first_step = first_step
        # Not a function of its own without XLA: layers that speak to other replicas cannot do so from inside of one.
        self._loss_and_gradients = tf.function(self._loss_and_gradients_of, autograph=False, jit_compile=True) \
            if jit_compile else self._loss_and_gradients_of
        self._loop = tf.function(self._run_loop, autograph=False)

    def run(self, iterator, num_steps):
        """Runs up to `num_steps` optimizer steps; stops after one that `is_healthy` refuses.

        Args:
            iterator: Iterator over (distributed) batches.
            num_steps: int >= 1.

        Returns:
            Tuple (done, mean, last): int, the steps made, and two dicts of floats, the loss terms and
            `gradient_norm` averaged over those steps and in the last of them.
        """
        done, totals, last = self._loop(iterator, tf.constant(num_steps, tf.int32))
        done = int(done)
        return (done, {name: float(value) / done for name, value in totals.items()},
                {name: float(value) for name, value in last.items()})

    def _run_loop(self, iterator, num_steps):
        zero = {name: tf.constant(0.0) for name in self._term_names()}
        totals, last, done, healthy = zero, zero, tf.constant(0), tf.constant(True)

        def body(done, healthy, totals, last):
            terms = self.strategy.run(self._replica_step, (iterator.get_next(),))
            terms = {name: self.strategy.experimental_local_results(value)[0] for name, value in terms.items()}
            totals = {name: totals[name] + value for name, value in terms.items()}
            return done + 1, is_healthy(terms, self.model.term_limits), totals, terms

        done, _, totals, last = tf.while_loop(
            lambda done, healthy, *_: healthy & (done < num_steps), body, (done, healthy, totals, last),
            parallel_iterations=1)
        return done, totals, last

    def _term_names(self):
        image, target = (tf.zeros((1, *shape)) for shape in (self.model.example_shape, self.model.target_shape))
        noise = {name: tf.zeros(entry.shape) for name, entry in self.model.training_noise_spec(1).items()}
        terms = tf.function(self.model.training_terms, autograph=False).get_concrete_function(image, target, noise)
        return [*terms.structured_outputs, "gradient_norm"]

    def _replica_step(self, batch):
        """One optimizer step of one replica; returns the terms averaged over the global batch."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        image = unit_range(batch["image"])
        local_batch = tf.shape(image)[0]
        spec = self.model.training_noise_spec(local_batch * replicas)
        step = tf.cast(self.optimizer.iterations, tf.int64) + self.first_step
        noise = step_noise(spec, self.seed, step, context.replica_id_in_sync_group)(local_batch)
        parts = tf.nest.map_structure(unit_range, batch.get("precomputed", {}))
        terms, gradients = self._loss_and_gradients(image, self.model.target_of(image, batch), noise, parts)
        if replicas > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            terms = context.all_reduce(tf.distribute.ReduceOp.MEAN, terms)
        norm = tf.linalg.global_norm(gradients)
        terms = {name: tf.cast(value, tf.float32) for name, value in terms.items()}
        if self.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm, use_norm=norm)
        if replicas > 1:  # the optimizer sums over replicas what every replica holds already
            gradients = [gradient / replicas for gradient in gradients]
        self.optimizer.apply(gradients, self.model.trainable_variables)
        self.model.after_step(terms)
        return {**terms, "gradient_norm": tf.cast(norm, tf.float32)}

    def _loss_and_gradients_of(self, image, target, noise, parts):
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            terms = self.model.training_terms(image, target, noise, **parts)
            terms = {name: tf.reduce_mean(value) for name, value in terms.items()}
        gradients = tape.gradient(terms["loss"], [variable.value for variable in variables])
        # A weight that the configuration leaves unused has gradient zero, on every replica.
        gradients = [tf.zeros_like(variable) if gradient is None else gradient
                     for variable, gradient in zip(variables, gradients)]
        return terms, gradients
