"""The convention of label maps: 0 is background, 1 and above are objects, 255 is ignored."""

IGNORE_ID = 255
"""Label of a pixel that does not count, in masks, scores and pictures."""
