"""Minimal SQS clients for the requests of receivers: receive, delete and release.

With a boto3 client instead, even one without parameter validation, the consumer's process takes 2.5 times the
CPU for a message and reaches 0.66 of the rate. `python -m benchmarks ingest` measures both, by turns, and shows
when this module is no longer worth owning.
"""

from typing import Any, Protocol

import msgspec
from boto3 import Session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, NoCredentialsError
from botocore.utils import get_environ_proxies

from sessions_ingest.consumer.http_connection import HttpConnection
from sessions_ingest.consumer.sqs_signature import Signer


class Calls(Protocol):
    """A connection to SQS for one thread.

    For other requests use a boto3 client, which validates parameters and retries for longer.
    """

    def __call__(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The response to an operation of the SQS API. Raises ClientError, BotoCoreError."""
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...


def make_calls(session: Session, endpoint: str, *, connect_seconds: float, read_seconds: float) -> Calls:
    """Calls over a connection of their own, or by boto3 where the environment asks for a proxy."""
    kind = BotoCalls if get_environ_proxies(endpoint) else DirectCalls
    return kind(session, endpoint, connect_seconds=connect_seconds, read_seconds=read_seconds)


class DirectCalls:
    """Calls in boto3's protocol, JSON over HTTP."""

    def __init__(
        self, session: Session, endpoint: str, *, connect_seconds: float, read_seconds: float
    ) -> None:
        url = f"{endpoint.rstrip('/')}/"
        self._signer = Signer(url, session.region_name)
        self._credentials = session.get_credentials()
        self._http = HttpConnection(url, connect_seconds=connect_seconds, read_seconds=read_seconds)

    def __call__(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if self._credentials is None:
            raise NoCredentialsError
        body = msgspec.json.encode(parameters)
        # frozen, because another thread may refresh the credentials meanwhile
        keys = self._credentials.get_frozen_credentials()
        status, content = self._send(self._signer.headers(keys, f"AmazonSQS.{operation}", body), body)
        if status != 200:
            raise ClientError({"Error": _error(status, content)}, operation)
        return msgspec.json.decode(content) if content else {}

    def _send(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Sends the request, once more if the connection was closed or the server had an error."""
        try:
            status, content = self._http.post(headers, body)
        except ConnectionClosedError:
            return self._http.post(headers, body)
        return self._http.post(headers, body) if status >= 500 else (status, content)

    def close(self) -> None:
        self._http.close()


class BotoCalls:
    """Calls by a boto3 client, without what boto3 can leave out."""

    def __init__(
        self, session: Session, endpoint: str, *, connect_seconds: float, read_seconds: float
    ) -> None:
        self._client = session.client(
            "sqs",
            endpoint_url=endpoint,
            config=Config(
                connect_timeout=connect_seconds,
                read_timeout=read_seconds,
                retries={"mode": "standard", "max_attempts": 2},
                parameter_validation=False,
                inject_host_prefix=False,
                max_pool_connections=1,
            ),
        )

    def __call__(self, operation: str, parameters: dict[str, Any]) -> Any:
        return getattr(self._client, xform_name(operation))(**parameters)

    def close(self) -> None:
        self._client.close()


def _error(status: int, content: bytes) -> Any:
    """The error in boto3's form. A proxy or load balancer may respond in another form than SQS."""
    try:
        error = msgspec.json.decode(content)
        return {"Code": error["__type"].rpartition("#")[2], "Message": error.get("message", "")}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return {"Code": str(status), "Message": content[:200].decode(errors="replace")}
