"""Weights that others have trained, read from files of their formats."""
