"""From a model to a directory that TensorFlow Serving loads. Importing this package imports nothing heavy."""
