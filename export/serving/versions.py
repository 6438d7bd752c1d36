"""The versions of a model that a server holds: found, warmed up, switched and called.

    MODEL_BASE_PATH/1/saved_model.pb, MODEL_BASE_PATH/2/saved_model.pb, ...

The newest version is served, as TensorFlow Serving does by default. A new version is loaded and
warmed up while the old one serves, and then replaces it in one assignment; the old one is freed
after its last request. So no request fails during a switch. A version that cannot be loaded is
logged and ignored until its files change; the old one keeps serving.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import pathlib
import threading
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from aquanet_tf import files
from aquanet_tf.inference import network, saved_model
from export.bundle import warmup

LOG = logging.getLogger(__name__)


class RequestError(Exception):
    """A bad request; the text says what the caller must change."""


class NotFound(RequestError):
    """A model, version or signature that is not served."""


@dataclasses.dataclass(frozen=True)
class Version:
    """A loaded SavedModel. `loaded` keeps it alive; `signatures` alone would not.

    height: working height in pixels; 0 where its metadata do not say.
    """

    number: int
    loaded: Any
    height: int = 0

    @property
    def signatures(self):
        return self.loaded.signatures


class ServedModel:
    """One model under one name: the newest version in a directory.

    Args:
      base_path: directory of numbered SavedModels.
      name: the model's name in requests.
      max_pixels: largest batch x height x width of a request, as it is sent and as the network
        sees it, at its working height.
      concurrent: largest number of requests computed at once; others wait.

    Raises ValueError when no version can be loaded.
    """

    def __init__(self, base_path, name="aquanet", max_pixels=4096 * 4096, concurrent=2):
        self.base_path = pathlib.Path(base_path)
        self.name = name
        self.max_pixels = max_pixels
        self._running = threading.BoundedSemaphore(concurrent)
        self._current: Version | None = None
        self._broken = {}  # version -> (time of its files, reason)
        self._stop = threading.Event()
        self.reload()
        if self._current is None:
            reasons = "; ".join(f"version {n}: {text}" for n, (_, text) in self._broken.items())
            raise ValueError(
                f"--model_base_path={base_path}: no servable version "
                f"({reasons or 'python -m export.saved_model writes one'})"
            )

    def watch(self, seconds: float) -> None:
        """Looks for new versions every `seconds`, in a thread, until `close`."""

        def loop():
            while not self._stop.wait(seconds):
                try:
                    self.reload()
                except OSError as error:  # a file system may be unavailable for a moment
                    LOG.warning("%s: %s", self.base_path, error)

        threading.Thread(target=loop, daemon=True, name="watch models").start()

    def close(self) -> None:
        """Ends the watching."""
        self._stop.set()

    def reload(self) -> None:
        """Loads the newest version on disk unless it is already served."""
        if not self.base_path.is_dir():
            return
        numbers = sorted(int(p.name) for p in self.base_path.iterdir() if p.name.isdigit())
        for number in reversed(numbers):
            if self._current and number == self._current.number:
                return
            directory = self.base_path / str(number)
            try:
                changed = (directory / "saved_model.pb").stat().st_mtime_ns
            except FileNotFoundError:
                changed = 0
            if self._broken.get(number, (None,))[0] == changed:
                continue
            try:
                with files.plain_folder(directory) as plain:
                    loaded = tf.saved_model.load(str(plain))
                version = Version(number, loaded, _working_height(directory))
                for request in warmup.read(directory):
                    values = {n: tf.make_ndarray(v) for n, v in request.inputs.items()}
                    self._call(version, request.model_spec.signature_name, values)
            # TensorFlow raises many kinds on damaged files; none may end the watching thread.
            except Exception as error:
                reason = str(error).strip() or type(error).__name__
                self._broken[number] = changed, reason.splitlines()[0][:200]
                LOG.warning("version %d cannot be loaded: %s", number, error)
                continue
            self._current = version
            LOG.info("serving version %d", number)
            return

    def version(self, name: str, number: int | None = None) -> Version:
        """The served version. Raises NotFound for another name or number."""
        current = self._current
        if name != self.name:
            raise NotFound(f"Servable not found: {name}; this server has {self.name}")
        if number is not None and number != current.number:
            raise NotFound(f"{name}: version {number} is not served, {current.number} is")
        return current

    def broken(self) -> dict[int, str]:
        """Versions on disk that could not be loaded, and why."""
        return {number: text for number, (_, text) in sorted(self._broken.items())}

    def predict(self, version: Version, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Calls a signature with NumPy inputs (uint8 images, or an object array of bytes).

        Raises NotFound for an unknown signature, and RequestError for wrong names, types or shapes,
        too many pixels, a strip as `network.working_pixels` refuses, or files that are no images.
        """
        signature = signature or saved_model.SIGNATURES[0]
        if signature not in version.signatures:
            known = ", ".join(sorted(version.signatures))
            raise NotFound(f"signature {signature!r} not found; the model has {known}")
        self._check(version, signature, inputs)
        with self._running:
            return self._call(version, signature, inputs)

    def _check(self, version, signature, inputs):
        specifications = version.signatures[signature].structured_input_signature[1]
        if set(inputs) != set(specifications):
            raise RequestError(f"inputs {sorted(inputs)} given, expected {sorted(specifications)}")
        for name, specification in specifications.items():
            value = inputs[name]
            if tf.as_dtype(value.dtype) != specification.dtype:
                raise RequestError(
                    f"{name}: type {tf.as_dtype(value.dtype).name}, expected "
                    f"{specification.dtype.name}"
                )
            if not specification.shape.is_compatible_with(value.shape) or 0 in value.shape:
                raise RequestError(
                    f"{name}: shape {list(value.shape)}, expected {specification.shape} not empty"
                )
            sizes = map(file_size, value) if specification.dtype == tf.string else _sizes(value)
            self._check_pixels(list(sizes), version.height)

    def _check_pixels(self, sizes: list[tuple[int, int]], working_height: int):
        pixels = sum(height * width for height, width in sizes)
        try:
            seen = sum(network.working_pixels(*size, working_height) for size in sizes)
        except ValueError as error:
            raise RequestError(str(error)) from error
        if pixels > self.max_pixels:
            raise RequestError(f"{pixels} pixels in one request, at most {self.max_pixels}")
        if seen > self.max_pixels:
            raise RequestError(
                f"{pixels} pixels in one request are {seen} at the working height, at most "
                f"{self.max_pixels}"
            )

    def _call(self, version, signature, inputs):
        constants = {name: tf.constant(value) for name, value in inputs.items()}
        try:
            outputs = version.signatures[signature](**constants)
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError) as error:
            raise RequestError(_reason(error)) from error
        return {name: value.numpy() for name, value in outputs.items()}


def file_size(data) -> tuple[int, int]:
    """(height, width) in the header of a JPEG or PNG file. RequestError if it is neither."""
    if not isinstance(data, bytes):
        raise RequestError("image_bytes: expected the bytes of JPEG or PNG files")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            return image.height, image.width
    except Exception as error:  # Pillow raises many kinds on damaged headers
        raise RequestError("image_bytes: not a JPEG or PNG file") from error


def _sizes(images: np.ndarray) -> list[tuple[int, int]]:
    return [images.shape[1:3]] * len(images)


def _working_height(directory: pathlib.Path) -> int:
    """In the metadata of `export.saved_model`; 0 for a model that has none."""
    path = directory / network.METADATA
    return files.read(path).get("working_height", 0) if path.is_file() else 0


def _reason(error) -> str:
    """TensorFlow's message about an input, without the lines about its graph."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for words in ("must have one size", "nvalid", "rror"):
        for line in lines:
            if words in line and not line.startswith(("Graph execution", "Detected at")):
                return line[:300]
    return lines[0][:300]
