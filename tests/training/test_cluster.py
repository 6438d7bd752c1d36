"""TF_CONFIG is read, or refused with words that say what is wrong."""

import json

import pytest

from aquanet_tf.training import cluster


def document(index=0, kind="worker", **jobs):
    return {"cluster": jobs, "task": {"type": kind, "index": index}}


def test_a_cluster_is_read():
    two = ["a:1", "b:2"]
    assert cluster.parse(json.dumps(document(1, worker=two))) == (("a:1", "b:2"), 1)
    chief = {"chief": ["c:3"], "worker": two}
    assert cluster.parse(json.dumps(document(0, "chief", **chief))) == (("c:3", *two), 0)
    assert cluster.parse(json.dumps(document(0, **chief))) == (("c:3", *two), 1)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "not set"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"cluster": {"worker": ["a:1"]}}', "cannot be read.*task"),
        ('{"cluster": {"worker": 3}, "task": {"type": "worker", "index": 0}}', "cannot be read"),
        (document(2, worker=["a:1", "b:1"]), "task index 2, but the cluster has 2 of 'worker'"),
        (document("0", worker=["a:1"]), "task index '0'"),
        (document(0, "chief", worker=["a:1"]), "task type 'chief' is no job"),
        (document(0, worker=["a:1"], ps=["b:1"]), "job ps of the cluster"),
        (document(0, worker=["a:1", "a:1"]), "named twice"),
        (document(0, worker=["a"]), "address 'a' is not HOST:PORT"),
        (document(0, worker=["a:99999"]), "address 'a:99999'"),
        (document(0, worker=[7]), "address 7"),
        (document(0, chief=["a:1", "b:1"], worker=["c:1"]), "more than one chief"),
    ],
)
def test_a_wrong_tf_config_is_refused(text, words):
    text = text if isinstance(text, str) else json.dumps(text)
    with pytest.raises(ValueError, match=f"^TF_CONFIG: .*{words}.*It must look like"):
        cluster.parse(text)


def test_one_process_is_no_cluster():
    assert cluster.names_several(json.dumps(document(worker=["a:1", "b:1"])))
    for harmless in (json.dumps(document(worker=["a:1"])), "{}", "[", ""):
        assert not cluster.names_several(harmless)
