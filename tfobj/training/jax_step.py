"""The training step on JAX: a pure function of weights, optimizer state and batch, compiled for all local devices.

Order: noise and images of the global batch -> loss and gradients -> global-norm clip -> optimizer. The batch is laid
out over the devices, the weights are on every one of them, and the compiler inserts the sums between devices: the
function is the same for one device and for many.
"""

import functools
import zlib

import jax
import jax.numpy as jnp
import keras
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec

from tfobj.training.arrays import unit_range
from tfobj.training.health import is_healthy


class JaxState:
    """The values of all variables of a model and its optimizer outside of Keras.

    Args:
        model: Built `SlotModel`.
        optimizer: Built Keras optimizer.
        sharding: `NamedSharding` under which the values are kept.
    """

    def __init__(self, model, optimizer, sharding):
        self._groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        self._sharding = sharding

    def read(self):
        """Tuple of three lists of arrays: trainable, other and optimizer variables."""
        # Copied, because the compiled step may reuse the memory of what it is given.
        return tuple([jax.device_put(jnp.array(variable.value), self._sharding) for variable in group]
                     for group in self._groups)

    def write(self, state):
        """Assigns what `read` returned, or a step made of it, to the variables."""
        for group, values in zip(self._groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)


class JaxStep:
    """Builds the function that makes one optimizer step and the one that makes many.

    Args:
        model: Built `SlotModel`.
        optimizer: Built Keras optimizer.
        mesh: `jax.sharding.Mesh` with the axis "data".
        seed: int. Seed of the noise.
        clip_norm: float. Global norm to which the gradients are clipped; 0 for none.
        first_step: int. Step of the run at which the optimizer has made none.

    Attributes:
        term_limits: Those of the model.
    """

    def __init__(self, model, optimizer, mesh, seed, clip_norm=0.0, first_step=0):
        self._model, self._optimizer, self._clip_norm = model, optimizer, clip_norm
        self._first_step, self.term_limits = first_step, model.term_limits
        self._iteration = [variable is optimizer.iterations for variable in optimizer.variables].index(True)
        self._key = functools.partial(jax.random.key, seed & 0x7FFFFFFF)
        self._rows = NamedSharding(mesh, PartitionSpec("data"))
        donated = () if mesh.devices.flat[0].platform == "cpu" else (0,)
        self.one = jax.jit(self._one, donate_argnums=donated)
        self.many = jax.jit(self._many, donate_argnums=donated)

    def _one(self, state, batch):
        """(state, terms) after one step on a batch, dict of `image` [B,H,W,C] and what else the loss takes."""
        trainable, others, optimizer = state
        image, target, parts = self._inputs_of(batch)
        noise = self._noise(optimizer[self._iteration] + self._first_step, image.shape[0])
        (_, (terms, others)), gradients = jax.value_and_grad(self._loss, has_aux=True)(
            trainable, others, image, target, noise, parts)
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient.astype(jnp.float32))) for gradient in gradients))
        if self._clip_norm:
            scale = self._clip_norm / jnp.maximum(norm, self._clip_norm)
            gradients = [gradient * scale.astype(gradient.dtype) for gradient in gradients]
        trainable, optimizer = self._optimizer.stateless_apply(optimizer, gradients, trainable)
        terms = {name: value.astype(jnp.float32) for name, value in terms.items()}
        others = self._after_step(trainable, others, terms)
        return (trainable, others, optimizer), {**terms, "gradient_norm": norm}

    def _many(self, state, examples, rows, count):
        """`count` steps on the batches `examples[rows[i]]`; ends early behind one that `is_healthy` refuses.

        Args:
            state: As of `JaxState.read`.
            examples: Dict of `image` [N,H,W,C] and what else the loss takes, all examples.
            rows: int [M,B], M >= count.
            count: int scalar.

        Returns:
            Tuple (state, steps made, sums of the terms, terms of the last step).
        """
        zero = {name: jnp.zeros((), jnp.float32) for name in self._term_names(state, examples, rows)}

        def body(carry):
            done, _, state, totals, _ = carry
            batch = jax.tree.map(lambda values: jnp.take(values, rows[done], axis=0), examples)
            state, terms = self._one(state, batch)
            totals = {name: totals[name] + value for name, value in terms.items()}
            return done + 1, is_healthy(terms, self.term_limits), state, totals, terms

        start = (jnp.zeros((), jnp.int32), jnp.ones((), bool), state, zero, zero)
        done, _, state, totals, last = jax.lax.while_loop(lambda carry: carry[1] & (carry[0] < count), body, start)
        return state, done, totals, last

    def _term_names(self, state, examples, rows):
        batch = jax.tree.map(lambda values: jax.ShapeDtypeStruct((rows.shape[1], *values.shape[1:]), values.dtype),
                             examples)
        return jax.eval_shape(self._one, state, batch)[1]

    def _inputs_of(self, batch):
        """What the model and its loss see of a batch, laid out over the devices: image, target, precomputed parts."""
        image = unit_range(batch["image"])
        parts = jax.tree.map(unit_range, batch.get("precomputed", {}))
        return jax.lax.with_sharding_constraint((image, self._model.target_of(image, batch), parts), self._rows)

    def _noise(self, step, batch_size):
        """The noise of the global batch, drawn from (seed, step); every device computes its own rows."""
        return {name: jax.lax.with_sharding_constraint(self._draw(name, entry, step), self._rows)
                for name, entry in self._model.training_noise_spec(batch_size).items()}

    def _draw(self, name, entry, step):
        stream = jax.random.fold_in(jax.random.fold_in(self._key(), zlib.crc32(name.encode()) & 0x7FFFFFFF), step)
        draw = jax.random.normal if entry.distribution == "normal" else jax.random.uniform
        return draw(stream, entry.shape)

    def _loss(self, trainable, others, image, target, noise, parts):
        with self._scope(trainable, others) as scope:
            terms = self._model.training_terms(image, target, noise, **parts)
            terms = {name: jnp.mean(value) for name, value in terms.items()}
        return terms["loss"], (terms, self._others_of(scope, others))

    def _after_step(self, trainable, others, terms):
        with self._scope(trainable, others) as scope:
            self._model.after_step(terms)
        return self._others_of(scope, others)

    def _scope(self, trainable, others):
        values = [*zip(self._model.trainable_variables, trainable), *zip(self._model.non_trainable_variables, others)]
        return keras.StatelessScope(state_mapping=values)

    def _others_of(self, scope, before):
        found = [scope.get_current_value(variable) for variable in self._model.non_trainable_variables]
        return [old if new is None else new for old, new in zip(before, found)]
