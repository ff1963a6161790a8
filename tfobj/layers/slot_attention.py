"""The Slot Attention module (Locatello et al. 2020, Algorithm 1) with the options of its Appendix B."""

import math

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.ops.competition import softmax
from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class SlotAttention(keras.layers.Layer):
    """Lets K slots compete for N input vectors over T iterations.

    Inputs: features [B, N, F], and one of `slots` [B, K, D] (initial slots) or `noise` [B, K, D] (standard normal;
    the initial slots are `mu + exp(log_sigma) * noise`). K and T may differ from the constructor's at any call,
    except that `slot_init="per_slot"` fixes K.

    Logits, softmax, offset and renormalisation are computed in float32 or wider, whatever the dtype policy.

    Args:
        num_slots: int. K in training. Defaults to `7`.
        num_iterations: int. T, exactly as many passes; 0 returns the initial slots. Defaults to `3`.
        slot_size: int. D, also the size of keys, queries and values. Defaults to `64`.
        mlp_hidden_size: int. Hidden units of the residual network. Defaults to `128`.
        aggregation: str. `mean` divides the attention by its sum over inputs, `sum` does not, `sum_layernorm`
            normalises the sum over D.
        softmax_axis: str. `slots` (competition), or `inputs` with a plain weighted sum (footnote 2).
        slot_init: str. `shared` Gaussian or one `per_slot`.
        update: str. `gru`, or `replace` by the aggregated values.
        use_mlp: bool. The residual network after the update.
        norm_inputs: bool. LayerNorm on the features.
        norm_slots: bool. LayerNorm on the slots before the query.
        norm_mlp: bool. LayerNorm before the residual network.
        use_projections: bool. False: queries, keys and values are identities, which needs F == D.
        scale: float or None. Factor on the logits. Defaults to `slot_size ** -0.5`.
        epsilon: float. Offset of the renormalisation. Defaults to `1e-8`.
        epsilon_mode: str. `attention` adds it to every weight, `denominator` to their sum.
    """

    def __init__(self, num_slots=7, num_iterations=3, slot_size=64, mlp_hidden_size=128, aggregation="mean",
                 softmax_axis="slots", slot_init="shared", update="gru", use_mlp=True, norm_inputs=True,
                 norm_slots=True, norm_mlp=True, use_projections=True, scale=None, epsilon=1e-8,
                 epsilon_mode="attention", **kwargs):
        super().__init__(**kwargs)

        # === Config ===
        self.options = {
            "num_slots": num_slots, "num_iterations": num_iterations, "slot_size": slot_size,
            "mlp_hidden_size": mlp_hidden_size, "aggregation": aggregation, "softmax_axis": softmax_axis,
            "slot_init": slot_init, "update": update, "use_mlp": use_mlp, "norm_inputs": norm_inputs,
            "norm_slots": norm_slots, "norm_mlp": norm_mlp, "use_projections": use_projections, "scale": scale,
            "epsilon": epsilon, "epsilon_mode": epsilon_mode,
        }
        _check_choices(self.options)
        self.num_slots, self.num_iterations, self.slot_size = num_slots, num_iterations, slot_size
        self.aggregation, self.softmax_axis, self.slot_init = aggregation, softmax_axis, slot_init
        self.scale = slot_size**-0.5 if scale is None else scale
        self.epsilon, self.epsilon_mode = epsilon, epsilon_mode

        # === Layers ===
        self.norm_inputs = self._layer_norm("norm_inputs", norm_inputs)
        self.norm_slots = self._layer_norm("norm_slots", norm_slots)
        self.norm_mlp = self._layer_norm("norm_mlp", norm_mlp and use_mlp)
        self.norm_updates = self._layer_norm("norm_updates", aggregation == "sum_layernorm")
        self.q = self._dense("q", slot_size, use_projections, use_bias=False)
        self.k = self._dense("k", slot_size, use_projections, use_bias=False)
        self.v = self._dense("v", slot_size, use_projections, use_bias=False)
        self.gru = keras.layers.GRUCell(slot_size, name="gru", dtype=self.dtype_policy) if update == "gru" else None
        self.mlp_dense0 = self._dense("mlp_dense0", mlp_hidden_size, use_mlp, activation="relu")
        self.mlp_dense1 = self._dense("mlp_dense1", slot_size, use_mlp)

    def _layer_norm(self, name, wanted):
        return keras.layers.LayerNormalization(epsilon=1e-3, name=name, dtype=self.dtype_policy) if wanted else None

    def _dense(self, name, units, wanted, **kwargs):
        return keras.layers.Dense(units, name=name, dtype=self.dtype_policy, **kwargs) if wanted else None

    def build(self, input_shape):
        feature_size, size = input_shape[-1], self.slot_size
        self.check_feature_size(feature_size)
        # The fans of a (1, 1, D) tensor, also for per-slot parameters, so that both variants start alike.
        limit = math.sqrt(6.0 / (1 + size))
        shape = (1, self.num_slots if self.slot_init == "per_slot" else 1, size)
        for name in ("slots_mu", "slots_log_sigma"):
            initializer = keras.initializers.RandomUniform(-limit, limit)
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))
        for layer in filter(None, (self.norm_inputs, self.k, self.v)):
            layer.build((None, None, feature_size))
        for layer in filter(None, (self.norm_slots, self.norm_mlp, self.norm_updates, self.q, self.mlp_dense0)):
            layer.build((None, None, size))
        if self.mlp_dense1 is not None:
            self.mlp_dense1.build((None, None, self.options["mlp_hidden_size"]))
        if self.gru is not None:
            self.gru.build((None, size))

    def check_feature_size(self, feature_size):
        """Raises `UserError` if inputs with `feature_size` channels do not fit, see `use_projections`."""
        if self.k is None and feature_size != self.slot_size:
            raise UserError(f"use_projections=False needs input features of the slot size, but they have "
                            f"{feature_size} channels and slot_size={self.slot_size}; set "
                            f"--encoder_channels={self.slot_size}")

    def check_num_slots(self, num_slots):
        """Raises `UserError` if the initial slots are not defined for K = `num_slots`, see `slot_init`."""
        if self.slot_init == "per_slot" and num_slots != self.num_slots:
            raise UserError(f"num_slots={num_slots} but slot_init=per_slot has parameters for exactly {self.num_slots} "
                            f"slots; keep --num_slots={self.num_slots} or train with --slot_init=shared")

    def initial_slots(self, noise):
        """Samples initial slots by reparameterisation.

        Args:
            noise: [B, K, D], standard normal.

        Returns:
            [B, K, D], `slots_mu + exp(slots_log_sigma) * noise`; sigma is a standard deviation.

        Raises:
            UserError: K differs from the K of `slot_init="per_slot"`.
        """
        self.check_num_slots(noise.shape[1])
        noise = ops.cast(noise, self.compute_dtype)
        return self.slots_mu + ops.exp(self.slots_log_sigma) * noise

    def call(self, inputs, slots=None, noise=None, num_iterations=None):
        """Runs the iterations.

        Args:
            inputs: [B, N, F].
            slots: [B, K, D] or None. Initial slots; takes precedence over `noise`.
            noise: [B, K, D] or None. Standard normal draw for the initial slots.
            num_iterations: int or None. Overrides T.

        Returns:
            Dict: `slots` [B,K,D] after the last iteration, `slots_init` [B,K,D], and lists with one entry per
            iteration: `attention` [B,N,K] (sums to 1 over the softmax axis), `weights` [B,N,K] (what aggregates),
            `updates`, `states` (after the GRU) and `iterates` (after the residual network), all [B,K,D].

        Raises:
            ValueError: neither `slots` nor `noise` was given.
        """
        if slots is None and noise is None:
            raise ValueError("SlotAttention needs initial `slots` or `noise`")
        slots = self.initial_slots(noise) if slots is None else ops.cast(slots, self.compute_dtype)
        inputs = self.norm_inputs(inputs) if self.norm_inputs else inputs
        keys = at_least_float32(self.k(inputs) if self.k else inputs)  # [B,N,D]
        values = at_least_float32(self.v(inputs) if self.v else inputs)  # [B,N,D]
        trace = {"slots_init": slots, "attention": [], "weights": [], "updates": [], "states": [], "iterates": []}
        for _ in range(self.num_iterations if num_iterations is None else num_iterations):
            attention, weights = self._attend(keys, slots)
            updates = ops.einsum("bnk,bnd->bkd", weights, values)  # [B,K,D]
            state, slots = self._update(slots, updates)
            for name, value in zip(("attention", "weights", "updates", "states", "iterates"),
                                   (attention, weights, updates, state, slots)):
                trace[name].append(value)
        return {"slots": slots, **trace}

    def attend_map(self, features, noise, num_iterations=None):
        """Runs the iterations on a feature map.

        Args:
            features: [B, h, w, F].
            noise: [B, K, D]. As for `call`.
            num_iterations: int or None. Overrides T.

        Returns:
            Dict: `slots` [B,K,D], `iterates`, as of `call`, and unless T is 0 `attention` [B,T,K,h,w].
        """
        height, width, size = features.shape[1:]
        inputs = ops.reshape(features, (-1, height * width, size))  # [B,N,F]
        attended = self(inputs, noise=noise, num_iterations=num_iterations)
        found = {name: attended[name] for name in ("slots", "iterates")}
        if attended["attention"]:
            attention = ops.transpose(ops.stack(attended["attention"], axis=1), (0, 1, 3, 2))  # [B,T,K,N]
            found["attention"] = ops.reshape(attention, (*ops.shape(attention)[:3], height, width))  # [B,T,K,h,w]
        return found

    def _attend(self, keys, slots):
        """Returns attention and aggregation weights, both float32 [B,N,K]."""
        queries = self.norm_slots(slots) if self.norm_slots else slots
        queries = at_least_float32(self.q(queries) if self.q else queries) * self.scale  # [B,K,D]
        logits = ops.einsum("bnd,bkd->bnk", keys, queries)
        if self.softmax_axis == "inputs":
            attention = softmax(logits, axis=1)
            return attention, attention
        attention = softmax(logits, axis=-1)
        if self.aggregation != "mean":
            return attention, attention
        if self.epsilon_mode == "denominator":
            return attention, attention / (ops.sum(attention, axis=1, keepdims=True) + self.epsilon)
        weights = attention + self.epsilon
        return attention, weights / ops.sum(weights, axis=1, keepdims=True)

    def _update(self, slots, updates):
        """Returns the slots [B,K,D] after the recurrent update and after the residual network."""
        updates = self.norm_updates(updates) if self.norm_updates else updates
        updates = ops.cast(updates, self.compute_dtype)
        state = self._recur(slots, updates) if self.gru is not None else updates
        if self.mlp_dense0 is None:
            return state, state
        hidden = self.norm_mlp(state) if self.norm_mlp else state
        return state, state + self.mlp_dense1(self.mlp_dense0(hidden))

    def _recur(self, slots, updates):
        # GRUCell splits its gates on axis 1 and needs 2-D input.
        flat = (-1, self.slot_size)
        state, _ = self.gru(ops.reshape(updates, flat), [ops.reshape(slots, flat)])  # [B*K,D]
        return ops.reshape(state, ops.shape(slots))

    def get_config(self):
        return {**super().get_config(), **self.options}


def _check_choices(options):
    choices = {"aggregation": ("mean", "sum", "sum_layernorm"), "softmax_axis": ("slots", "inputs"),
               "slot_init": ("shared", "per_slot"), "update": ("gru", "replace"),
               "epsilon_mode": ("attention", "denominator")}
    for name, accepted in choices.items():
        if options[name] not in accepted:
            raise UserError(f"{name}={options[name]!r} is unknown; choose one of: {', '.join(accepted)}")
