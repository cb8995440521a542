"""A minimal SQS client for the two requests of the hot path, receive and delete.

With a boto3 client instead, even one without parameter validation, the consumer's process takes 1.4 times the
CPU for a message and reaches 0.82 of the rate. `python -m benchmarks ingest` measures both, by turns (857 against
1,046 messages/s), and shows when this module is no longer worth owning.
"""

import os
import socket
from typing import Any

import msgspec
from boto3 import Session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from sessions_ingest.consumer.sqs_signature import Signer

NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]  # else a body waits 40 ms for the ACK of its headers


class SqsCalls:
    """A connection to SQS for one thread, in boto3's protocol: JSON over botocore's HTTP session.

    For other requests use a boto3 client, which validates parameters and retries for longer.
    """

    def __init__(
        self, session: Session, endpoint: str, *, connect_seconds: float, read_seconds: float
    ) -> None:
        self._url = f"{endpoint.rstrip('/')}/"
        self._signer = Signer(self._url, session.region_name)
        self._credentials = session.get_credentials()
        self._http = URLLib3Session(
            timeout=(connect_seconds, read_seconds),  # type: ignore[arg-type] # the stubs lack the pair
            max_pool_connections=1,
            socket_options=NO_DELAY,  # type: ignore[arg-type] # and tuples
            proxies=get_environ_proxies(self._url),
            verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True,  # type: ignore[arg-type]
        )

    def __call__(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The response to an operation of the SQS API. Raises ClientError, BotoCoreError."""
        if self._credentials is None:
            raise NoCredentialsError
        body = msgspec.json.encode(parameters)
        # frozen, because another thread may refresh the credentials meanwhile
        keys = self._credentials.get_frozen_credentials()
        headers = self._signer.headers(keys, f"AmazonSQS.{operation}", body)
        request = AWSPreparedRequest("POST", self._url, headers, body, stream_output=False)  # type: ignore[arg-type]
        response = self._send(request)
        if response.status_code != 200:
            raise ClientError({"Error": _error(response.status_code, response.content)}, operation)
        return msgspec.json.decode(response.content) if response.content else {}

    def _send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Sends the request, once more if the connection was closed or the server had an error."""
        try:
            response = self._http.send(request)
        except ConnectionClosedError:
            return self._http.send(request)
        return self._http.send(request) if response.status_code >= 500 else response

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


def _error(status: int, content: bytes) -> Any:
    """The error in boto3's form. A proxy or load balancer may respond in another form than SQS."""
    try:
        error = msgspec.json.decode(content)
        return {"Code": error["__type"].rpartition("#")[2], "Message": error.get("message", "")}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return {"Code": str(status), "Message": content[:200].decode(errors="replace")}
