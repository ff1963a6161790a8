"""Orders and divides the examples of a release. Worker processes load it: no TensorFlow here."""

import random
import sys


def fixed_order(items):
    """A list of `items` in an order that looks random and is always the same.

    Releases that store views of one scene or steps of one episode side by side are kept in this order, so that the
    first examples of a split are a sample of all of it.
    """
    items = list(items)
    random.Random(0).shuffle(items)
    return items


def tenths(items, first, second, place):
    """Cuts a list as several releases are cut: a tenth, a tenth (both rounded down), the rest.

    Args:
        items: List, not empty.
        first: str. Split of the first tenth.
        second: str. Split of the second tenth.
        place: str. Where the items are, for a remark on standard error if there are less than ten.

    Returns:
        dict from split to a list, `train` first; splits without items are left out.
    """
    tenth = len(items) // 10
    splits = {"train": items[2 * tenth:], first: items[:tenth], second: items[tenth:2 * tenth]}
    if not tenth:
        print(f"warning: {place} holds {len(items)} of what the splits are made of; with less than 10 there is no "
              f"{first} and no {second}, all are train", file=sys.stderr, flush=True)
    return {split: splits[split] for split in ("train", "validation", "test") if splits[split]}
