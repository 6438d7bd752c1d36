"""A training step runs here; one that does not is found."""

import pytest
import tensorflow as tf

from aquanet_tf.checks import step


def test_a_tiny_step_is_finite():
    found = step.run("/CPU:0", step.TINY, "off", 1)
    assert 0 < found.loss < 10 and found.seconds > 0 and found.gigabytes > 0


def tried(monkeypatch, function):
    monkeypatch.setattr(step, "run", function)
    return step.check("/CPU:0", 16.0)


def test_the_batch_that_fits(monkeypatch):
    full, half, _ = tried(monkeypatch, lambda d, s, m, batch: step.Step(0.3, 1.0, 1.0 + batch))
    assert "about 12 images fit in 16.0 GB" in full.text and not full.fault
    assert "fit" not in half.text


@pytest.mark.parametrize("few, more", [(1.0, 1.0), (20.0, 30.0)])
def test_no_estimate_without_numbers(few, more):
    assert "too little memory" in step.fitting(few, more, 16.0)


def test_a_loss_that_is_not_finite(monkeypatch):
    found = tried(monkeypatch, lambda *arguments: step.Step(float("nan"), 1.0, 1.0))
    assert [bool(one.fault) for one in found] == [True, False, False]
    assert "--mixed_precision off" in found[1].hint


def test_a_device_without_memory(monkeypatch):
    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    assert "OOM" in tried(monkeypatch, full)[0].text
