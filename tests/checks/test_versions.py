"""Versions, machine and ffmpeg: what is found here, and what is missing elsewhere."""

from aquanet_tf.checks import versions


def test_this_machine_is_described():
    for found in (versions.software(), versions.machine(), versions.ffmpeg()):
        assert not found.fault and found.text
    assert "tensorflow 2." in versions.software().text and "cores" in versions.machine().text


def test_a_missing_ffmpeg_is_a_fault_with_its_fix(monkeypatch):
    def missing():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(versions.imageio_ffmpeg, "get_ffmpeg_exe", missing)
    found = versions.ffmpeg()
    assert "pip install imageio-ffmpeg" in found.fault and "NO  ffmpeg" in found.lines()[0]


def test_a_missing_package_is_a_fault_with_its_fix(monkeypatch):
    monkeypatch.setattr(versions, "version", lambda package: "")
    assert "make setup" in versions.software().fault


def test_a_full_disk_is_a_hint(monkeypatch):
    usage = type("Usage", (), {"free": 1e9})
    monkeypatch.setattr(versions.shutil, "disk_usage", lambda folder: usage)
    assert "disk" in versions.machine().hint
