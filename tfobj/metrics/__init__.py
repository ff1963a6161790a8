"""Scores of predicted masks against the truth, and statistics of slots."""
