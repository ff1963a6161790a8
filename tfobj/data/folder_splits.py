"""How a folder of pictures is split: by position, the last 5 % are test, the 5 % before them validation."""


def parts(count):
    """Where the splits lie.

    Args:
        count: int, at least 3. Pictures.

    Returns:
        dict from split to the slice of its pictures; every split has at least one.
    """
    held_out = max(1, count * 5 // 100)
    ends = [0, count - 2 * held_out, count - held_out, count]
    return {split: slice(*ends[i:i + 2]) for i, split in enumerate(("train", "validation", "test"))}


def needed(training):
    """The fewest pictures, int, of which at least `training` (int) are to train on."""
    count = training + 2
    while parts(count)["train"].stop < training:
        count += 1
    return count
