"""From the depth network of a run to a TFLite flatbuffer, quantized or not."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile

import numpy as np
import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.runs.run import Run
from export.lite import float_tensors, graph


def convert(
    run: Run, height: int, width: int, quantize: str, samples: list[np.ndarray] | None = None
) -> bytes:
    """The TFLite flatbuffer of a run's depth network at a fixed size.

    Args:
      quantize: `none`, `float16`, `dynamic` or `int8`, see the table in `export.tflite`.
      samples: uint8 batches [1, height, width, 3] that set the scales of int8, which needs them.
    """
    function = graph.frozen(run, height, width)
    # Through a SavedModel, since only that gives the TFLite file a signature with names.
    with tempfile.TemporaryDirectory() as place, files.plain_folder(place) as folder:
        tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})
        with _silent():
            return _converted(str(folder), quantize, samples)


def _converted(directory: str, quantize: str, samples) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(directory)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize == "int8":
        return _int8(converter, samples)
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def _int8(converter: tf.lite.TFLiteConverter, samples) -> bytes:
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    floats = float_tensors.names(interpreter)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]

    def representative():
        # By name: the order in which a list is matched to the inputs is not documented.
        return ({"image": batch} for batch in samples)

    converter.representative_dataset = representative
    # The only way to keep operations in float that TF 2.15 and TF 2.21 both offer.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=representative,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=floats),
    )
    return debugger.get_nondebug_quantized_model()


@contextlib.contextmanager
def _silent():
    """Hides what the converter's C++ code prints to stderr, unless the block fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(stderr, 2)
            file.seek(0)
            sys.stderr.write(file.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
