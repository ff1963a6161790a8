"""Exports a trained model for TensorFlow Serving.

    python -m tfobj.export --run_dir=runs/quickstart --export_dir=exports/slot_attention

Writes <export_dir>/<next version>/: the SavedModel, warm-up requests and a model card. Before the directory gets its
version number, which is when a running server picks it up, it is loaded by TensorFlow's C++ loader and compared with
the Python model. How to serve it: export/README.md.
"""

import dataclasses
import os

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags
from tfobj.serving import option_flags

option_flags.define()
_EXPORT_DIR = flags.DEFINE_string("export_dir", None, "Base path of the model; versions are written below it.")
_VERIFY = flags.DEFINE_boolean("verify", True, "Compare with the model before it gets a version. (default: yes)")


def main():
    """Loads the run, exports it and prints what was written."""
    run_dir, checkpoint = flags.FLAGS.run_dir, flags.FLAGS.checkpoint
    command_line.require(run_dir=run_dir, export_dir=_EXPORT_DIR.value)
    # What can be wrong without TensorFlow is said before its slow import.
    from tfobj.serving import versions
    from tfobj.training import run_directory

    options, changes = option_flags.options(), experiment_flags.read_test_time_changes()
    versions.check_export_dir(_EXPORT_DIR.value)
    run_directory.read_run(run_dir, changes)
    # Exporting is CPU work; a GPU may be busy training, and verification compares with a CPU process.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    command_line.import_tensorflow()
    from tfobj.serving import exporter
    from tfobj.serving import model_card

    run = run_directory.load_run(run_dir, checkpoint, changes)
    export = exporter.export_model(
        run.model, _EXPORT_DIR.value, **dataclasses.asdict(options.of_run(run)), verify=_VERIFY.value,
        model_card=model_card.describe_run(run, checkpoint), tell=lambda message: print(message, flush=True))
    _print(export)


def _print(export):
    """Tells what was written: signatures with their tensors, then the verification result."""
    print(f"{export.directory}: step {export.card['run']['step']} of {export.card['run']['run_dir']}, "
          f"{export.card['num_slots']} slots"
          + ("" if export.card["threshold"] is None else f", threshold {export.card['threshold']:g}"))
    for name, signature in export.card["signatures"].items():
        inputs, outputs = (", ".join(f"{key} {value['dtype']}{_shape(value['shape'])}" for key, value in part.items())
                           for part in (signature["inputs"], signature["outputs"]))
        print(f"  {name}({inputs})\n    -> {outputs}")
    if export.report is None:
        print("not verified (--verify=False)")
        return
    print("verified with the C++ loader, largest difference to the Python model, relative to the largest value:")
    for name, differences in export.report.differences.items():
        largest = ", ".join(f"{output} {value:.1e}" for output, value in differences.items() if value)
        print(f"  {name:28} {largest or 'no difference'}")
    print(f"same image in batches of different sizes: {export.report.batch_difference:.1e}; "
          f"{export.report.num_warmup} warm-up requests ran")
    print(f"exported: {export.directory} largest_difference={export.report.largest:.1e}")


def _shape(shape):
    return "[" + ",".join("B" if size is None else str(size) for size in shape) + "]"


if __name__ == "__main__":
    command_line.run(main)
