"""Which tensors of a converted network int8 quantization must leave in float32."""

from __future__ import annotations

import tensorflow as tf

# Operations that read the outputs of the last convolutions: logits and the exponent of beta.
_READERS = ("SOFTMAX", "TANH", "LOGISTIC")


def names(interpreter: tf.lite.Interpreter) -> list[str]:
    """Names of the tensors of `positional_code` and `head` of a model in float32."""
    operations = interpreter._get_ops_details()  # in the order of execution
    known = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    parts = positional_code(operations), head(operations)
    return [known[index] for part in parts for index in sorted(part)]


def head(operations: list[dict]) -> set[int]:
    """Indices of all tensors from the outputs of the last convolutions on.

    The logits span a wide range, so int8 steps would change the probabilities of levels that are up
    to a factor of d_max / d_min apart. After them, ln(0) of level 0 alone would take the range.
    """
    late = {op["inputs"][0] for op in operations if op["op_name"] in _READERS}
    for operation in operations:
        if late.intersection(operation["inputs"]):
            late.update(operation["outputs"])
    return late


def positional_code(operations: list[dict]) -> set[int]:
    """Indices of the tensors of the positional code at each of its sizes.

    Its ELU is float anyway, and 256 steps do not distinguish the columns of a wide image.
    """
    made = {output for op in operations for output in op["outputs"]}
    code, resized = set(), set()
    for op in operations:
        inputs = made.intersection(op["inputs"])
        if op["op_name"] == "MINIMUM" or inputs and inputs <= code:
            (resized if op["op_name"] == "RESIZE_BILINEAR" else code).update(op["outputs"])
    return code | resized
