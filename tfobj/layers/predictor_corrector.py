"""A gated update for sequences: correct with what was seen, then predict what comes (an option of IODINE's code)."""

import keras
from keras import ops

from tfobj.layers.fan_in_truncated_normal import FanInTruncatedNormal


@keras.saving.register_keras_serializable(package="tfobj")
class PredictorCorrector(keras.layers.Layer):
    """Moves parameters towards an update and that towards a prediction, each by a learned share.

    With h the features and l the parameters: g = sigmoid(Gate(h) + corrector_bias), c = l + g * (Update(h) - l);
    p, q = halves of Predict(l); r = sigmoid(q + predictor_bias); the result is c + r * (p - c).

    Args:
        hidden_size: int. Hidden units of the prediction, with ELU. Defaults to `64`.
        corrector_bias: float. Defaults to `0`.
        predictor_bias: float. Defaults to `0`.
    """

    def __init__(self, hidden_size=64, corrector_bias=0.0, predictor_bias=0.0, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.corrector_bias = corrector_bias
        self.predictor_bias = predictor_bias

    def build(self, features_shape, parameters_shape):
        size = parameters_shape[-1]
        self.update = self._dense("update", size, features_shape)
        self.gate = self._dense("gate", size, features_shape)
        self.predict0 = self._dense("predict0", self.hidden_size, parameters_shape, activation="elu")
        self.predict1 = self._dense("predict1", 2 * size, (*parameters_shape[:-1], self.hidden_size))

    def _dense(self, name, units, input_shape, **kwargs):
        dense = keras.layers.Dense(units, kernel_initializer=FanInTruncatedNormal(), name=name, dtype=self.dtype_policy,
                                   **kwargs)
        dense.build(input_shape)
        return dense

    def call(self, features, parameters):
        """Updates the parameters.

        Args:
            features: [B,K,h].
            parameters: [B,K,D].

        Returns:
            [B,K,D].
        """
        gate = ops.sigmoid(self.gate(features) + self.corrector_bias)
        corrected = parameters + gate * (self.update(features) - parameters)
        prediction, share = ops.split(self.predict1(self.predict0(parameters)), 2, axis=-1)  # [B,K,D] each
        return corrected + ops.sigmoid(share + self.predictor_bias) * (prediction - corrected)

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size, "corrector_bias": self.corrector_bias,
                "predictor_bias": self.predictor_bias}
