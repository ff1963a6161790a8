"""The training loop and what surrounds it: schedules, checkpoints, summaries, run directories."""
