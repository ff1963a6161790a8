"""IODINE's refinement network: images and gradients in, better parameters of the posterior out (Appendix B)."""

import keras
from keras import ops

from tfobj.layers.fan_in_truncated_normal import FanInTruncatedNormal
from tfobj.layers.pooled_convolutions import PooledConvolutions
from tfobj.layers.predictor_corrector import PredictorCorrector
from tfobj.layers.refinement_inputs import FLAT, SPATIAL
from tfobj.ops.precision import island_dtype


class _LstmBias(FanInTruncatedNormal):
    """The biases of an LSTM's four gates in Keras' order, with 1 added to that of the forget gate."""

    def __call__(self, shape, dtype=None):
        units = shape[0] // 4
        offset = ops.concatenate([ops.zeros(units, dtype), ops.ones(units, dtype), ops.zeros(2 * units, dtype)])
        return super().__call__(shape, dtype) + offset


@keras.saving.register_keras_serializable(package="tfobj")
class RefinementNetwork(PooledConvolutions):
    """Convolutions and a small network over each slot's maps, a recurrent cell, and an update of the parameters.

    All slots share the weights. The recurrent cell and the update are float32 islands: rounding would add up over the
    iterations.

    Args:
        filters: Sequence of int. Width of each convolution.
        kernel_size: int. Defaults to `3`.
        mlp_sizes: Sequence of int. Units of the dense layers.
        lstm_size: int. Units of the LSTM; 0 for none.
        head: str. `additive`, parameters plus a linear map of the features, or `predictor_corrector`.
        head_options: Dict of arguments of `PredictorCorrector`. Defaults to none.
    """

    def __init__(self, filters, kernel_size=3, mlp_sizes=(256, 256), lstm_size=256, head="additive", head_options=None,
                 **kwargs):
        super().__init__(filters, kernel_size, mlp_sizes, autocast=False, **kwargs)  # each layer casts what it gets
        self.lstm_size = lstm_size
        self.head = head
        self.head_options = dict(head_options or {})

    def build(self, inputs_shape, parameters_shape, **_):
        maps = [inputs_shape[name] for name in SPATIAL if name in inputs_shape]
        vectors = [inputs_shape[name] for name in FLAT if name in inputs_shape]
        super().build((None, *maps[0][2:4], sum(map_shape[-1] for map_shape in maps)))
        self._build_core(self.mlp_sizes[-1] + sum(vector[-1] for vector in vectors), parameters_shape)

    def _build_core(self, core_size, parameters_shape):
        if self.lstm_size:
            fan_in = core_size + self.lstm_size
            self.lstm = keras.layers.LSTMCell(
                self.lstm_size, name="lstm", dtype=island_dtype(), unit_forget_bias=False,
                kernel_initializer=FanInTruncatedNormal(fan_in), bias_initializer=_LstmBias(fan_in),
                recurrent_initializer=FanInTruncatedNormal(fan_in))
            self.lstm.build((None, core_size))
        features_shape = (None, None, self.lstm_size or core_size)
        if self.head == "additive":
            self.update = keras.layers.Dense(parameters_shape[-1], **self.common("head", island_dtype()))
            self.update.build(features_shape)
        else:
            self.update = PredictorCorrector(name="head", dtype=island_dtype(), **self.head_options)
            self.update.build(features_shape, parameters_shape)

    def initial_state(self, parameters):
        """Zeros for the state of the recurrent cell: a list of two [B*K, h], empty without a cell."""
        rows = ops.shape(parameters)[0] * ops.shape(parameters)[1]
        return [ops.zeros((rows, self.lstm_size), parameters.dtype) for _ in range(2)] if self.lstm_size else []

    def call(self, inputs, parameters, state):
        """Refines the parameters once.

        Args:
            inputs: Dict as `RefinementInputs` returns.
            parameters: float32 or wider [B,K,D].
            state: As `initial_state` or the last call returned.

        Returns:
            Tuple of the parameters [B,K,D], the state, and a dict of what led there: `encoder_input` [B,K,H,W,c],
            `encoded`, `core_input` and `core_output`, all [B,K,.].
        """
        num_slots = parameters.shape[1]
        maps = _joined([inputs[name] for name in SPATIAL if name in inputs], num_slots)  # [B,K,H,W,c]
        features = ops.reshape(maps, (-1, *maps.shape[2:]))  # [B*K,H,W,c]
        encoded = ops.reshape(super().call(features), (-1, num_slots, self.mlp_sizes[-1]))  # [B,K,m]
        core_input = ops.concatenate([encoded, *(inputs[name] for name in FLAT if name in inputs)], axis=-1)
        core_output, state = self._recur(core_input, state)
        stages = {"encoder_input": maps, "encoded": encoded, "core_input": core_input, "core_output": core_output}
        if self.head == "additive":
            return parameters + self.update(core_output), state, stages
        return self.update(core_output, parameters), state, stages

    def _recur(self, core_input, state):
        if not self.lstm_size:
            return core_input, state
        rows = ops.reshape(core_input, (-1, core_input.shape[-1]))  # [B*K,.]
        outputs, state = self.lstm(rows, state)
        return ops.reshape(outputs, (-1, core_input.shape[1], self.lstm_size)), state  # [B,K,h]

    def get_config(self):
        return {**super().get_config(), "lstm_size": self.lstm_size, "head": self.head,
                "head_options": self.head_options}


def _joined(maps, num_slots):
    """Concatenates maps [B,K or 1,H,W,.], those that all slots share repeated for each; [B,K,H,W,c]."""
    return ops.concatenate([value if value.shape[1] == num_slots else ops.repeat(value, num_slots, axis=1)
                            for value in maps], axis=-1)
