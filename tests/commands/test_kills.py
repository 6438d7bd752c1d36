"""Data preparation and export, killed at any moment: nothing is left half written, and running the
command again gives the same result. A full disk gives one clear error, then the same result.

AQUANET_KILLS=20 sets the number of kills (default 2, for CI). The moments are seeded shares of the
time that an undisturbed run takes, imports not counted.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from aquanet_tf.data import manifest
from aquanet_tf.inference import loader
from aquanet_tf.inference.saved_model import SavedModel
from data_prep.layouts import kitti
from export import saved_model
from export.bundle import parity
from tests.support import commands, runs

KILLS = int(os.environ.get("AQUANET_KILLS", "2"))
OPTIONS = {"shard_size": 1, "image_format": "png"}
PREPARE = """
import sys
from data_prep.layouts import kitti
print("begin", flush=True)
kitti.prepare(kitti.Options(sys.argv[1], sys.argv[2], image_format="png", shard_size=1))
"""
EXPORT = """
import sys
from export import saved_model
print("begin", flush=True)
saved_model.export_saved_model(sys.argv[1], sys.argv[2])
"""
# The graph is written in an order of its own every time; it is compared by what it computes.
UNORDERED = {"saved_model.pb", "fingerprint.pb"}


def run(code, source, out, look, moment=float("inf")):
    """Runs `code`, killed `moment` seconds after it began; the seconds it ran. Meanwhile `look` is
    called again and again, as a reader of `out` would look, and once after the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(source), str(out)],
        cwd=commands.ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_NUM_INTRAOP_THREADS": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "begin\n"
        start = time.monotonic()
        while process.poll() is None and time.monotonic() - start < moment:
            look()
            time.sleep(0.005)
        duration = time.monotonic() - start
        process.kill()
    assert process.returncode in (0, -signal.SIGKILL)
    look()
    return duration


def moments(duration, seed):
    return [duration * share for share in np.random.RandomState(seed).uniform(0, 1, KILLS)]


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_preparation_killed_at_any_moment_ends_in_the_same_bytes(raw_dir, tmp_path):
    def reader(out):
        """What is there under its final name is whole, always."""
        for path in out.glob("*.tfrecord"):
            assert path.read_bytes() == expected[path.name]
        if (out / manifest.NAME).exists():
            assert manifest.verify(out)["count"] == 14

    whole = tmp_path / "whole"
    duration = run(PREPARE, raw_dir, whole, lambda: None)
    expected = contents(whole)
    assert len(expected) == 14 + 2  # manifest.json and sources.json
    for number, moment in enumerate(moments(duration, seed=1)):
        out = tmp_path / str(number)
        run(PREPARE, raw_dir, out, lambda out=out: reader(out), moment)
        kitti.prepare(kitti.Options(str(raw_dir), str(out), **OPTIONS))
        assert contents(out) == expected, f"killed after {moment:.3f} s"


@pytest.mark.slow
def test_export_killed_at_any_moment_ends_in_the_same_model(tmp_path):
    def reader(out):
        """The server's view: a version that is there is complete."""
        if version := loader.newest_version(out):
            assert {path for path in contents(version)} == set(expected)

    def answer(version):
        return SavedModel(version).maps(image)

    image = parity.noise()[0]
    workdir = runs.write(tmp_path / "run")
    duration = run(EXPORT, workdir, tmp_path / "whole", lambda: None)
    expected = contents(tmp_path / "whole" / "1")
    truth = answer(tmp_path / "whole" / "1")
    for number, moment in enumerate(moments(duration, seed=2)):
        out = tmp_path / str(number)
        out.mkdir()
        run(EXPORT, workdir, out, lambda out=out: reader(out), moment)
        version = saved_model.export_saved_model(workdir, out)
        found = contents(version)
        assert set(found) == set(expected)
        different = {name for name in found if found[name] != expected[name]}
        assert different <= UNORDERED, f"killed after {moment:.3f} s"
        for name, values in answer(version).items():
            np.testing.assert_array_equal(values, truth[name])


@pytest.fixture
def small_disk(tmp_path):
    """resize(kilobytes) of a file system of its own at `small_disk.path`."""

    class Disk:
        path = tmp_path / "disk"

        def resize(self, kilobytes):
            words = ["-o", f"remount,size={kilobytes}k", str(self.path)]
            subprocess.run(["mount", *words], check=True)

    Disk.path.mkdir()
    mount = shutil.which("mount")
    words = ["-t", "tmpfs", "-o", "size=4k", "none", str(Disk.path)]
    if not mount or subprocess.run([mount, *words], capture_output=True).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield Disk()
    subprocess.run(["umount", str(Disk.path)], check=True)


def test_a_full_disk_names_the_directory_and_more_space_completes_it(raw_dir, data_dir, small_disk):
    """At every size of the disk, so at every file that is the first not to fit."""
    out = small_disk.path / "out"
    options = kitti.Options(str(raw_dir), str(out), shard_size=5, image_format="png")
    needed = sum(map(len, contents(data_dir).values())) // 1024
    completed = False
    for kilobytes in range(4, 2 * needed, 8):
        small_disk.resize(kilobytes)
        try:
            kitti.prepare(options)
            completed = True
        except OSError as error:
            assert not completed and str(out) in str(error) and "space" in str(error), error
            assert not (out / manifest.NAME).exists() and not list(out.glob("*.tmp"))
    assert completed
    assert contents(out) == contents(data_dir)
