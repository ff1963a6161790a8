"""TFDS builders, one per data set. Importing a module registers its builder with TFDS."""
