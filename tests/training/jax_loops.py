"""Training on a CPU with the loops that JAX uses on accelerators."""

from tfobj.training import jax_engine
from tfobj.training import launch


def with_loop(experiment, run_dir, share):
    """Runs with the loop of accelerators; `share` is the part of the memory that the images may take."""
    original = jax_engine._loop_class, jax_engine._memory, jax_engine._RESIDENT_SHARE
    jax_engine._loop_class = lambda device: jax_engine._DeviceLoop
    jax_engine._memory, jax_engine._RESIDENT_SHARE = (lambda device: 1 << 30), share
    try:
        return launch.train(experiment, run_dir)
    finally:
        jax_engine._loop_class, jax_engine._memory, jax_engine._RESIDENT_SHARE = original
