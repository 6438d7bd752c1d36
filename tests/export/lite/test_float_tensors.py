"""What int8 leaves in float: the positional code, and all from the logits on. Nothing else."""

import types

import pytest

from export.lite import float_tensors

# A network in small, as (operation, inputs, outputs). Weights and constants, 100 and up, come from
# no operation. The picture is 0; the code of its one value, 2 to 7, meets the features at 8.
NETWORK = [
    ("CAST", [0], [1]),
    ("MINIMUM", [1, 100], [2]),  # the one value
    ("MUL", [2, 101], [3]),  # an axis of the grid
    ("CONV_2D", [3, 102, 103], [4]),  # the code
    ("ELU", [4], [5]),
    ("RESIZE_BILINEAR", [5, 104], [6]),  # at another size
    ("RESIZE_BILINEAR", [5, 105], [7]),
    ("CONV_2D", [7, 113, 114], [18]),  # features of the code
    ("CONV_2D", [1, 106, 107], [8]),
    ("ADD", [8, 5], [19]),
    ("ADD", [19, 6], [9]),
    ("ADD", [9, 18], [20]),
    ("ELU", [20], [10]),
    ("CONV_2D", [10, 108, 109], [11]),  # logits
    ("CONV_2D", [10, 110, 111], [12]),  # the exponent of beta
    ("SOFTMAX", [11], [13]),
    ("TANH", [12], [14]),
    ("EXP", [14], [15]),
    ("MUL", [13, 15], [16]),
    ("SUM", [16, 112], [17]),
]


def operations(network=NETWORK):
    return [{"op_name": n, "inputs": list(i), "outputs": list(o)} for n, i, o in network]


def test_the_code_ends_where_it_meets_the_picture():
    """At all of its sizes; what is made from it and the features is not the code any more."""
    assert float_tensors.positional_code(operations()) == {2, 3, 4, 5, 6, 7}


def test_the_head_begins_with_the_last_convolutions():
    assert float_tensors.head(operations()) == {11, 12, 13, 14, 15, 16, 17}


@pytest.mark.parametrize("reader", ["SOFTMAX", "LOGISTIC", "TANH"])
def test_every_kind_of_output_has_a_head(reader):
    """Levels, a direct inverse depth, beta: each alone is enough."""
    network = [("CONV_2D", [0, 100, 101], [1]), ("CONV_2D", [1, 102, 103], [2])]
    found = float_tensors.head(operations([*network, (reader, [2], [3]), ("MUL", [3, 104], [4])]))
    assert found == {2, 3, 4}


def test_all_is_named_and_the_features_are_not():
    """The features' convolutions are what int8 is for."""
    tensors = [{"index": index, "name": f"tensor {index}"} for index in range(115)]
    interpreter = types.SimpleNamespace(
        _get_ops_details=operations, get_tensor_details=lambda: tensors
    )
    found = float_tensors.names(interpreter)
    expected = {*range(2, 8), *range(11, 18)}
    assert set(found) == {f"tensor {index}" for index in expected}
    assert len(found) == len(set(found))
