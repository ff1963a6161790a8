"""Pure functions on tensors, written in `keras.ops`: no state, no backend import."""
