"""Answers requests with OpenVINO in a process of its own: in one process with TensorFlow it changes how signals end it.

    python -m tests.serving.openvino_worker SAVED_MODEL_DIR REQUESTS.npz ANSWERS.npz

REQUESTS holds `<signature>/<number>/<input>`, ANSWERS gets `<signature>/<number>/<output>`.
"""

import sys

import numpy as np
import openvino
import tensorflow as tf


def main(directory, requests, answers):
    """Reads the requests, runs them, writes the answers."""
    loaded, compiled = tf.saved_model.load(directory), {}
    with np.load(requests) as archive:
        stored = {name: archive[name] for name in archive.files}
    found = {}
    for place in sorted({name.rsplit("/", 1)[0] for name in stored}):
        signature = place.split("/")[0]
        if signature not in compiled:
            compiled[signature] = openvino.Core().compile_model(
                openvino.convert_model(loaded.signatures[signature]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        inputs = {name.rsplit("/", 1)[1]: value for name, value in stored.items() if name.startswith(f"{place}/")}
        answer = compiled[signature](inputs)
        found.update({f"{place}/{output.get_any_name()}": answer[output] for output in compiled[signature].outputs})
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
