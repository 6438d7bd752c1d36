"""The known answer of a network: right, wrong, and not there."""

import numpy as np
from PIL import Image

from aquanet_tf import files
from aquanet_tf.checks import answer
from aquanet_tf.inference import known_answer, open_model
from tests.support import runs


def test_the_known_answer(tmp_path):
    folder = runs.write(tmp_path / "run")
    assert "not tried" in answer.check("/CPU:0", folder).text
    image = np.random.default_rng(0).integers(0, 256, (32, 96, 3)).astype(np.uint8)
    Image.fromarray(image).save(folder / "example.png")
    mean = float(open_model(folder).relative(image).inverse_depth.mean())
    known = {"image": "example.png", "mean_inverse_depth": mean, "tolerance": 1e-3}
    files.write(folder / known_answer.FILE, known)
    assert not answer.check("/CPU:0", folder).fault
    files.write(folder / known_answer.FILE, {**known, "mean_inverse_depth": 1.01 * mean})
    assert "send us this report" in answer.check("/CPU:0", folder).fault


def test_the_shipped_network_has_one():
    if not answer.SHIPPED.is_dir():
        return
    known = files.read(answer.SHIPPED / known_answer.FILE)
    assert (answer.SHIPPED / known["image"]).is_file() and known["tolerance"] <= 1e-2
