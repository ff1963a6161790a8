"""Keras layers that models share or that are worth a name."""
