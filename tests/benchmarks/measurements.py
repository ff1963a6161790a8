"""Rows as if they had been measured."""

import dataclasses

from tests import helpers
from tfobj import config
from tfobj.benchmarks.options import Options
from tfobj.benchmarks.sweeps import Point

PEAK = {"matrix_product": {"float32": 1e11, "bfloat16": 4e11}, "copy": 2e10}
EXPERIMENT = config.ExperimentConfig(
    "slot_attention", helpers.slot_attention_config(),
    config.DataConfig(dataset="clevr_masks", data_dir="/secret/data"), config.TrainConfig(batch_size=8))


def point(**changes):
    """A row that changes the training."""
    train = dataclasses.replace(EXPERIMENT.train, **changes)
    return Point(changes, dataclasses.replace(EXPERIMENT, train=train))


def result(step=0.5, flops=2e10, precision="float32", peak=PEAK, **changes):
    """What `row.measure` returns, with a step of so many seconds and operations."""
    times = {"median": step, "low": 0.99 * step, "high": 1.02 * step, "values": [0.99 * step, step, 1.02 * step]}
    cpu = {name: 2 * value for name, value in times.items() if name != "values"}
    return {
        "batch_size": 8, "image_shape": [128, 96, 3], "dtype": "uint8", "parameters": 1000, "build_seconds": 1.0,
        "compile_seconds": 12.0, "steps_per_repeat": 4, "step_seconds": times, "cpu_seconds": cpu,
        "images_per_second": 8 / step, "input_seconds": None, "peak_memory": 3 * 2**30, "memory_of": "process",
        "flops": {"forward": flops / 3, "training_step": flops, "by_kind": {}, "uncounted": []},
        "flops_per_second": flops / step, "precision": precision,
        "devices": {"description": "1 CPU", "accelerators": 1},
        "machine": {"device": "Processor X", "cores": 2, "system": "Linux x86_64", "memory": 2**34},
        "versions": {"tfobj": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1"}, "peak": peak, **changes}


OPTIONS = Options(peak=True)
