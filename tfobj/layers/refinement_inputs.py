"""What IODINE's refinement network reads (Greff et al. 2019, Appendix B, table of inputs)."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.group_normalization import GroupNormalization
from tfobj.ops import coordinates

SPATIAL = ("capacity", "components", "coordinates", "counterfactual", "dcomponents", "dmask", "image", "log_prob",
           "mask", "posterior", "pred_mask")
"""Inputs that are maps, in the order in which they are concatenated."""
FLAT = ("dzp", "flat_capacity", "zp")
"""Inputs that are vectors, in the order in which they are concatenated."""
NORMALISED = ("counterfactual", "dcomponents", "dmask", "dzp", "log_prob")
"""Inputs that reach the network normalised and without a gradient to where they come from."""
CONSTANTS = ("capacity", "flat_capacity")
"""Inputs that tell nothing, kept because the published models have them."""
OF_SLOTS = ("components", "counterfactual", "dcomponents", "dmask", "mask", "posterior", "pred_mask", "dzp", "zp")
"""Inputs that differ between slots."""
CAPACITY = 0.5


@keras.saving.register_keras_serializable(package="tfobj")
class RefinementInputs(keras.layers.Layer):
    """Stops gradients, normalises, and adds the inputs that are the same for every image.

    Gradients are stopped before the normalisation, so that its gain and offset are trained. It takes mean and variance
    of each slot's map over pixels and channels together; gain and offset have one value per channel.

    Args:
        image_shape: Tuple (H, W, C).
        latent_size: int. Z.
        excluded: Sequence of str. Names of `SPATIAL` and `FLAT` that the network does not get. Defaults to none.
        coordinate_type: str. `linear`, the channels x and y from -1 to 1; or `cosine`. Defaults to `linear`.
        num_frequencies: int. Frequencies per axis of the cosine coordinates. Defaults to `3`.

    Raises:
        UserError: an excluded name does not exist; no map, or nothing that differs between slots, is left.
    """

    def __init__(self, image_shape, latent_size, excluded=(), coordinate_type="linear", num_frequencies=3, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_size = latent_size
        self.excluded = tuple(excluded)
        self.coordinate_type = coordinate_type
        self.num_frequencies = num_frequencies
        _check(self.excluded)
        self.names = tuple(name for name in (*SPATIAL, *FLAT) if name not in self.excluded)
        self.normalised = tuple(name for name in NORMALISED if name not in self.excluded)

        # === Layers ===
        common = {"epsilon": 1e-5, "dtype": self.dtype_policy}
        self.norms = [
            keras.layers.LayerNormalization(name=f"norm_{name}", **common) if name in FLAT else
            GroupNormalization(groups=1, name=f"norm_{name}", **common) for name in self.normalised]

    def build(self, input_shape):
        sizes = {"dcomponents": self.image_shape[-1], "dzp": 2 * self.latent_size}
        for name, norm in zip(self.normalised, self.norms):
            space = () if name in FLAT else self.image_shape[:2]
            norm.build((None, *space, sizes.get(name, 1)))

    def call(self, values):
        """Makes the inputs of one iteration.

        Args:
            values: Dict from every name that is not excluded, but for `coordinates` and the capacities, to float32 or
                wider: maps [B,K or 1,H,W,c], vectors [B,K,c].

        Returns:
            Dict from `names` to the same shapes, as the network shall see them.
        """
        like = next(iter(values.values()))
        inputs = {**values, **self._same_for_all(values, ops.shape(like)[0], like.dtype)}
        for name, norm in zip(self.normalised, self.norms):
            raw = ops.stop_gradient(inputs[name])
            flat = ops.reshape(raw, (-1, *raw.shape[2:]))  # [B*K,H,W,c] or [B*K,c]
            inputs[name] = ops.reshape(norm(flat), ops.shape(raw))
        return {name: inputs[name] for name in self.names}

    def _same_for_all(self, values, batch, dtype):
        height, width, _ = self.image_shape
        num_slots = max(value.shape[1] for value in values.values())
        grid = ops.convert_to_tensor(self._grid()[None], dtype=dtype)  # [1,1,H,W,c]
        return {"capacity": ops.full((batch, num_slots, height, width, 1), CAPACITY, dtype=dtype),
                "flat_capacity": ops.full((batch, num_slots, 1), CAPACITY, dtype=dtype),
                "coordinates": ops.broadcast_to(grid, (batch, *grid.shape[1:]))}

    def _grid(self):
        height, width, _ = self.image_shape
        if self.coordinate_type == "cosine":
            return coordinates.cosine_grid(height, width, self.num_frequencies)
        return coordinates.linear_grid(height, width)[..., ::-1]  # x, y; the decoder has them the other way round

    def get_config(self):
        return {**super().get_config(), "image_shape": self.image_shape, "latent_size": self.latent_size,
                "excluded": self.excluded, "coordinate_type": self.coordinate_type,
                "num_frequencies": self.num_frequencies}


def _check(excluded):
    unknown = sorted(set(excluded) - {*SPATIAL, *FLAT})
    if unknown:
        raise UserError(f"--excluded_inputs={','.join(excluded)}: {unknown[0]!r} is no input of the refinement "
                        f"network; it has {', '.join((*SPATIAL, *FLAT))}")
    if set(SPATIAL) <= set(excluded):
        raise UserError(f"--excluded_inputs={','.join(excluded)} leaves the refinement network without any map; keep "
                        f"one of {', '.join(SPATIAL)}")
    if set(OF_SLOTS) <= set(excluded):
        raise UserError(f"--excluded_inputs={','.join(excluded)} leaves the refinement network nothing that differs "
                        f"between slots; keep one of {', '.join(OF_SLOTS)}")
