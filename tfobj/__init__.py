"""tfobj: unsupervised object discovery and set prediction in TensorFlow and Keras."""

__version__ = "0.1.0"
