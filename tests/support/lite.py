"""What is inside a .tflite file."""

import tensorflow as tf


def details(content):
    """(operations, tensor index -> details) of a .tflite file's bytes."""
    interpreter = tf.lite.Interpreter(model_content=content)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    return interpreter._get_ops_details(), tensors
