"""Instance colouring stick-breaking, IC-SBP (GENESIS-V2, Engelcke et al. 2021, Section 3.1 and Algorithm 1)."""

import math

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.ops.precision import at_least_float32
from tfobj.ops.stick_breaking import ABSENT, straight_through_clip

_SHARES = (0.01, 0.99)  # least and greatest share of the scope that a pixel gives to a slot
# Scale at which two pixels at distance 1 / sqrt(K) are half alike, from K.
_INITIAL_SIGMA = {"gaussian": lambda count: 1.0 / (count * math.log(2.0)),
                  "laplacian": lambda count: 1.0 / (math.sqrt(count) * math.log(2.0)),
                  "epanechnikov": lambda count: 2.0 / count}


@keras.saving.register_keras_serializable(package="tfobj")
class StickBreaking(keras.layers.Layer):
    """Clusters pixel embeddings: a random pixel of the remaining scope is the seed, what is like it is the next mask.

    Inputs: embeddings [B, H, W, E], scores [B, H, W]. K may differ from the constructor's at any call. Everything is
    computed in float32 or wider.

    With `dynamic`, an image ends before the first mask of less than `min_mass` pixels, which is dropped: the scope then
    is its last mask. This is done for each image of the batch by itself, and never in training.

    Args:
        num_slots: int. K in training, the last mask included; sets the initial scale.
        kernel: str. `gaussian`, `laplacian` or `epanechnikov`. Defaults to `gaussian`.
        dynamic: bool. See above. Defaults to `False`.
        min_mass: float. Pixels. Defaults to `20.0`.

    Raises:
        UserError: the kernel is unknown.
    """

    def __init__(self, num_slots, kernel="gaussian", dynamic=False, min_mass=20.0, **kwargs):
        super().__init__(autocast=False, **kwargs)  # scores keep all their digits under every policy
        if kernel not in _INITIAL_SIGMA:
            raise UserError(f"kernel={kernel!r} is unknown; choose one of: {', '.join(_INITIAL_SIGMA)}")
        self.num_slots = num_slots
        self.kernel = kernel
        self.dynamic = dynamic
        self.min_mass = min_mass

    def build(self, embeddings_shape, scores_shape=None):
        start = math.log(_INITIAL_SIGMA[self.kernel](self.num_slots))
        self.log_sigma = self.add_weight(shape=(), initializer=keras.initializers.Constant(start), name="log_sigma",
                                         autocast=False)

    def call(self, embeddings, scores, num_slots=None, training=None):
        """Breaks the stick K - 1 times.

        Args:
            embeddings: [B, H, W, E].
            scores: [B, H, W], uniform in [0, 1), the only random draw. The seed is the pixel where score times scope
                is greatest, the first one on ties.
            num_slots: int or None. Overrides K.
            training: bool. Keeps all K slots whatever `dynamic` says.

        Returns:
            Dict: `log_masks` [B,K,H,W], whose exponentials sum to 1 over K, `tfobj.ops.stick_breaking.ABSENT` where
            the slot does not exist; `log_scopes` [B,K,H,W], the scope before each slot; `seeds`, list of K - 1
            embeddings [B,E]; `num_used` int32 [B], slots that exist; `valid` bool [B,K], which ones these are.
        """
        num_slots = num_slots or self.num_slots
        height, width, size = embeddings.shape[1:]
        embeddings = ops.reshape(at_least_float32(embeddings), (-1, height * width, size))  # [B,N,E]
        scores = ops.reshape(ops.cast(scores, embeddings.dtype), (-1, height * width))  # [B,N]
        scope, alive = ops.zeros_like(scores), ops.ones_like(scores[:, 0], dtype="bool")
        masks, scopes, seeds, lived = [], [scope], [], []
        for _ in range(num_slots - 1):
            seed = _seed(embeddings, scores * ops.exp(scope))  # [B,E]
            share = straight_through_clip(self.similarity(embeddings, seed), *_SHARES)  # [B,N]
            mask, rest = scope + ops.log(share), scope + ops.log(1.0 - share)
            if self.dynamic and not training:
                alive = ops.logical_and(alive, ops.sum(ops.exp(mask), axis=1) >= self.min_mass)
                mask, rest = ops.where(alive[:, None], mask, ABSENT), ops.where(alive[:, None], rest, scope)
            scope = rest
            for trace, value in zip((masks, scopes, seeds, lived), (mask, scope, seed, alive)):
                trace.append(value)
        last = sum((ops.cast(value, "int32") for value in lived), ops.zeros_like(alive, dtype="int32"))  # [B]
        slots = ops.arange(num_slots, dtype="int32")
        masks = ops.stack([*masks, ops.full_like(scope, ABSENT)], axis=1)  # [B,K,N]
        masks = ops.where(ops.equal(slots, last[:, None])[..., None], scope[:, None], masks)
        shape = (-1, num_slots, height, width)
        return {"log_masks": ops.reshape(masks, shape), "log_scopes": ops.reshape(ops.stack(scopes, axis=1), shape),
                "seeds": seeds, "num_used": last + 1, "valid": slots <= last[:, None]}

    def similarity(self, embeddings, seed):
        """How much every pixel is like the seed, before the clip.

        Args:
            embeddings: [B, N, E].
            seed: [B, E].

        Returns:
            [B, N] in [0, 1].
        """
        distance = ops.sum(ops.square(embeddings - seed[:, None]), axis=-1)  # squared
        sigma = ops.exp(self.log_sigma)
        if self.kernel == "gaussian":
            return ops.exp(-distance / sigma)
        if self.kernel == "laplacian":
            return ops.exp(-ops.sqrt(straight_through_clip(distance, 1e-10, 1e10)) / sigma)
        return ops.relu(1.0 - distance / sigma)

    def get_config(self):
        return {**super().get_config(), "num_slots": self.num_slots, "kernel": self.kernel, "dynamic": self.dynamic,
                "min_mass": self.min_mass}


def _seed(embeddings, scores):
    """The embedding [B,E] of the pixel with the greatest score, the first one on ties."""
    # Without argmax and gather: Keras' argmax is not importable by other runtimes, and the gradient of a gather adds
    # up in an order that GPUs do not fix.
    count = scores.shape[1]
    positions = ops.arange(count, dtype="int32")
    greatest = ops.max(scores, axis=1, keepdims=True)
    first = ops.min(ops.where(scores >= greatest, positions, count), axis=1)  # [B]
    chosen = ops.equal(positions, first[:, None])  # [B,N]
    return ops.sum(ops.where(chosen[..., None], embeddings, ops.zeros_like(embeddings)), axis=1)
