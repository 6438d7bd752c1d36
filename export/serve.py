"""A development server that speaks TensorFlow Serving's contract: REST v1 and gRPC.

    python -m export.serve --model_base_path serving/aquanet

serves the newest version of DIR/<n>/ under the model's name. It switches to a new version within
about a second, without a failed request, and answers bad requests with 400 or INVALID_ARGUMENT. Its
address shows a page in a browser that takes images. It needs `pip install "aquanet-tf[serve]"`.

For production use TensorFlow Serving with the same directory and the same requests: this server has
no batching, no GPU scheduling, no TLS and no authentication.
"""

from __future__ import annotations

import logging
import pathlib
import socket
import sys

from absl import flags

from aquanet_tf import cli


def run(options) -> None:
    """Serves until interrupted.

    options: the values of the flags. Raises ValueError or OSError for flags that do not work.
    """
    if options.max_request_mb <= 0 or options.poll_seconds <= 0:
        raise ValueError("--max_request_mb and --poll_seconds must be positive")
    if not pathlib.Path(options.model_base_path).is_dir():
        raise ValueError(f"--model_base_path={options.model_base_path}: no such directory")
    try:
        import uvicorn

        from export.serving import grpc_service, page, rest, versions
    except ImportError as error:
        raise ValueError(
            f'the server needs {error.name}: pip install "aquanet-tf[serve]"'
        ) from error

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    max_bytes = int(options.max_request_mb * 1e6)
    served = versions.ServedModel(
        options.model_base_path, options.model_name, int(options.max_megapixels * 1e6)
    )
    listener = _listen(options.host, options.rest_port)
    grpc_server, grpc_port = grpc_service.start(served, options.host, options.grpc_port, max_bytes)
    served.watch(options.poll_seconds)
    print(
        f"{served.name} version {served.version(served.name).number}: "
        f"REST http://{options.host}:{listener.getsockname()[1]}/v1/models/{served.name}, "
        f"gRPC {options.host}:{grpc_port}, page http://{options.host}:{listener.getsockname()[1]}/"
    )
    sys.stdout.flush()
    application = rest.application(served, max_bytes, page.routes(served, max_bytes))
    config = uvicorn.Config(application, log_level="warning")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        served.close()
        grpc_server.stop(grace=5).wait()


def _listen(host, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"--rest_port={port}: cannot listen on {host}:{port} ({error})") from error
    return listener


def define_flags() -> None:
    """The flags of the command; names and ports are those of tensorflow_model_server."""
    cli.define_path("model_base_path", None, "Directory of numbered SavedModels.", required=True)
    flags.DEFINE_string("model_name", "aquanet", "The model's name in requests.")
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0: all networks.")
    flags.DEFINE_integer("rest_port", 8501, "Port of the REST API; 0: a free one.")
    flags.DEFINE_integer("grpc_port", 8500, "Port of gRPC; 0: a free one.")
    flags.DEFINE_float("max_request_mb", 32.0, "Largest request, MB.")
    text = "Most pixels in a request, millions: as sent, and at the working height."
    flags.DEFINE_float("max_megapixels", 16.0, text)
    flags.DEFINE_float("poll_seconds", 1.0, "How often to look for a new version.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    run(flags.FLAGS)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
