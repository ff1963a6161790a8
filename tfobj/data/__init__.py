"""Data sets: scene generators, record readers, TFDS builders, the data doctor and the input pipeline.

Importing this package imports nothing, so that the worker processes of `tfobj.data.scenes` start without TensorFlow.
"""
