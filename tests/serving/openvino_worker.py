"""Answers requests with OpenVINO in a process of its own: in one process with TensorFlow it changes how signals end it.

    python -m tests.serving.openvino_worker SAVED_MODEL_DIR REQUESTS.npz ANSWERS.npz

REQUESTS holds `<number>/<input>`, ANSWERS gets `<number>/<output>`.
"""

import sys

import numpy as np
import openvino
import tensorflow as tf

SIGNATURE = "serve_float_with_noise"


def main(directory, requests, answers):
    """Reads the requests, runs them, writes the answers."""
    loaded = tf.saved_model.load(directory)
    compiled = openvino.Core().compile_model(openvino.convert_model(loaded.signatures[SIGNATURE]), "CPU",
                                             {"INFERENCE_PRECISION_HINT": "f32"})
    with np.load(requests) as archive:
        stored = {name: archive[name] for name in archive.files}
    found = {}
    for number in sorted({name.split("/")[0] for name in stored}):
        inputs = {name.split("/")[1]: value for name, value in stored.items() if name.split("/")[0] == number}
        answer = compiled(inputs)
        found.update({f"{number}/{output.get_any_name()}": answer[output] for output in compiled.outputs})
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
