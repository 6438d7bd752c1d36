"""GPUs that there are and that TensorFlow sees, and the C++ operations."""

import pytest

from aquanet_tf.checks import devices

CARD = "NVIDIA A100, 535.54.03, 40960 MiB"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """As on a machine where TensorFlow sees none, and nothing hides them."""
    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_machine_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(devices, "driver_gpus", list)
    found = devices.gpus()
    assert "no GPU was seen; GPU paths were not tried" in found.text and not found.fault
    assert devices.names() == ["/CPU:0"]


def test_a_gpu_that_tensorflow_does_not_see_is_a_fault_with_its_fix(monkeypatch):
    monkeypatch.setattr(devices, "driver_gpus", lambda: [CARD])
    found = devices.gpus()
    assert "A100" in found.text and "[gpu]" in found.fault or "make setup" in found.fault


def test_a_gpu_that_is_hidden_on_purpose_is_none(monkeypatch):
    monkeypatch.setattr(devices, "driver_gpus", lambda: [CARD])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    found = devices.gpus()
    assert not found.fault and "hides" in found.text


def test_memory_of_a_gpu(monkeypatch):
    monkeypatch.setattr(devices, "driver_gpus", lambda: [CARD])
    assert devices.gigabytes("/GPU:0") == pytest.approx(40960 * 2**20 / 1e9)
    assert devices.gigabytes("/GPU:1") == 0 and devices.gigabytes("/CPU:0") == 0


def test_operations_that_are_not_built_come_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.library, "available", lambda: False)
    monkeypatch.setattr(devices.library, "path", lambda: tmp_path / "aquanet.so")
    found = devices.native()
    assert not found.fault and "python -m aquanet_tf.native.build" in found.hint
    (tmp_path / "aquanet.so").touch()
    assert "does not load" in devices.native().text
