"""An S3 server for tests, moto's, on this machine alone."""

import os
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4


class S3:
    """A running server, whose address and keys stand in the environment as everywhere."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def new_bucket(self) -> str:
        """The URL of a new, empty bucket, as s3://NAME."""
        name = f"tellshow-{uuid4().hex[:12]}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")
        with urllib.request.urlopen(request, timeout=60):
            return f"s3://{name}"


class NoServer(Exception):
    """moto is not installed."""


@contextmanager
def running_s3() -> Iterator[S3]:
    """A new server, empty; raises NoServer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from moto.server import ThreadedMotoServer
        except ImportError as error:
            raise NoServer(f"moto[server] is not installed: {error}") from error
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION="us-east-1",
        )
        yield S3(endpoint)
    finally:
        server.stop()
