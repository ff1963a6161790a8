"""What `python -m tfobj.benchmark` measures and how it shows it."""
