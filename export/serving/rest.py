"""TensorFlow Serving's REST API, version 1, as an ASGI application.

| request                                            | answer                                  |
|----------------------------------------------------|-----------------------------------------|
| GET  /v1/models/NAME[/versions/N]                  | state of the versions                   |
| GET  /v1/models/NAME[/versions/N]/metadata         | signatures                              |
| POST /v1/models/NAME[/versions/N]:predict          | {"predictions"} of {"instances"},       |
|                                                    | or {"outputs"} of {"inputs"}            |
| GET  /healthz                                      | {"status": "ok", "version": N}          |

A file in a request is {"b64": "..."}. Errors are {"error": "..."}: 400 for a bad request, 404 for
an unknown model, version or signature, 413 for a body above the limit.
"""

from __future__ import annotations

import base64
import binascii
import json

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from export.serving.versions import NotFound, RequestError, ServedModel


class TooLarge(RequestError):
    """A request body above the limit."""


def application(model: ServedModel, max_bytes: int, extra_routes=()) -> Starlette:
    """The ASGI application.

    Args:
      model: what to serve.
      max_bytes: largest request body.
      extra_routes: further starlette routes, for instance those of `page`.
    """
    handlers = _Handlers(model, max_bytes)
    routes = [Route("/healthz", handlers.health), *extra_routes]
    for path in ("/v1/models/{name}/versions/{version:int}", "/v1/models/{name}"):
        routes += [
            Route(path + ":predict", handlers.predict, methods=["POST"]),
            Route(path + "/metadata", handlers.metadata),
            Route(path, handlers.status),
        ]
    errors = {NotFound: 404, TooLarge: 413, RequestError: 400}
    on_error = {kind: _error_handler(code) for kind, code in errors.items()}
    return Starlette(routes=routes, exception_handlers=on_error)


class _Handlers:
    """The answers of the table above."""

    def __init__(self, model: ServedModel, max_bytes: int):
        self.model, self.max_bytes = model, max_bytes

    async def predict(self, request: Request) -> JSONResponse:
        data = await body(request, self.max_bytes)
        version = self._version(request)
        return JSONResponse(await run_in_threadpool(_predict, self.model, version, data))

    async def status(self, request: Request) -> JSONResponse:
        states = [(self._version(request).number, "AVAILABLE", "OK", "")]
        states += [(n, "END", "UNKNOWN", text) for n, text in self.model.broken().items()]
        entries = [
            {
                "version": str(number),
                "state": state,
                "status": {"error_code": code, "error_message": message},
            }
            for number, state, code, message in states
        ]
        return JSONResponse({"model_version_status": entries})

    async def metadata(self, request: Request) -> JSONResponse:
        version = self._version(request)
        name, number = self.model.name, str(version.number)
        signatures = {name: describe(f) for name, f in version.signatures.items()}
        content = {
            "model_spec": {"name": name, "signature_name": "", "version": number},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
        return JSONResponse(content)

    async def health(self, request: Request) -> JSONResponse:
        number = self.model.version(self.model.name).number
        return JSONResponse({"status": "ok", "version": number})

    def _version(self, request):
        return self.model.version(request.path_params["name"], request.path_params.get("version"))


async def body(request: Request, max_bytes: int) -> bytes:
    """The request's body. Raises TooLarge as soon as it exceeds `max_bytes`."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise TooLarge(f"request body above {max_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def describe(function) -> dict:
    """Inputs and outputs of a signature in the form of TensorFlow Serving's metadata."""

    def tensors(specifications):
        return {
            name: {
                "dtype": f"DT_{s.dtype.name.upper()}",
                "tensor_shape": {
                    "dim": [{"size": str(-1 if n is None else n), "name": ""} for n in s.shape]
                },
            }
            for name, s in specifications.items()
        }

    return {
        "inputs": tensors(function.structured_input_signature[1]),
        "outputs": tensors(function.structured_outputs),
        "method_name": "tensorflow/serving/predict",
    }


def _predict(model, version, data) -> dict:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict) or ("instances" in document) == ("inputs" in document):
        raise RequestError('the body must be an object with "instances" or with "inputs"')
    signature = document.get("signature_name", "serving_default")
    if not isinstance(signature, str) or signature not in version.signatures:
        raise NotFound(f"signature {signature!r} not found")
    expected = version.signatures[signature].structured_input_signature[1]
    by_row = "instances" in document
    named = _by_row(document["instances"], expected) if by_row else document["inputs"]
    if not isinstance(named, dict) or set(named) != set(expected):
        if len(expected) != 1:
            raise RequestError(f"inputs must be an object with {sorted(expected)}")
        named = {next(iter(expected)): named}  # a single input may go without its name
    inputs = {name: _array(name, named[name], s.dtype) for name, s in expected.items()}
    outputs = {n: v.tolist() for n, v in model.predict(version, signature, inputs).items()}
    if not by_row:
        return {"outputs": outputs}
    rows = (dict(zip(outputs, values)) for values in zip(*outputs.values()))
    return {"predictions": list(rows)}


def _by_row(instances, expected) -> dict:
    """[{"image": ...}, ...] or [..., ...] -> {"image": [..., ...]}."""
    if not isinstance(instances, list) or not instances:
        raise RequestError('"instances" must be a list that is not empty')
    if all(isinstance(row, dict) and set(row) == set(expected) for row in instances):
        return {name: [row[name] for row in instances] for name in expected}
    return {name: instances for name in expected} if len(expected) == 1 else {}


def _array(name, value, dtype) -> np.ndarray:
    if dtype.name == "string":
        files = value if isinstance(value, list) else [value]
        return np.array([_file(name, file) for file in files], object)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise RequestError(f"{name}: its rows differ in length") from error
    if array.dtype.kind not in "iu" or (array.size and (array.min() < 0 or array.max() > 255)):
        raise RequestError(f"{name}: expected whole numbers from 0 to 255")
    return array.astype(np.uint8)


def _file(name, value) -> bytes:
    if not isinstance(value, dict) or set(value) != {"b64"} or not isinstance(value["b64"], str):
        raise RequestError(f'{name}: expected {{"b64": "..."}} for each file')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(f"{name}: not base64 ({error})") from error


def _error_handler(code):
    async def handler(request, error):
        return JSONResponse({"error": str(error)}, status_code=code)

    return handler
