"""SQS requests without boto3's layers, for the two that every message passes through."""

import os
import socket
from typing import Any

import msgspec
from boto3 import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

AT_ONCE = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]  # else a body waits for its header's receipt: 40 ms


class SqsCalls:
    """A connection to SQS for one thread, in the protocol that boto3 speaks: JSON, signed by botocore.

    Not for rare calls: a boto3 client checks what it sends, and tries again for longer.
    """

    def __init__(
        self, session: Session, endpoint: str, *, connect_seconds: float, read_seconds: float
    ) -> None:
        self._url = f"{endpoint.rstrip('/')}/"
        self._region = session.region_name
        self._credentials = session.get_credentials()
        self._http = URLLib3Session(
            timeout=(connect_seconds, read_seconds),  # type: ignore[arg-type] # the stubs know no pair
            max_pool_connections=1,
            socket_options=AT_ONCE,  # type: ignore[arg-type] # nor tuples
            proxies=get_environ_proxies(self._url),
            verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True,  # type: ignore[arg-type]
        )

    def __call__(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The answer to an operation of the SQS API. Raises ClientError, BotoCoreError."""
        if self._credentials is None:
            raise NoCredentialsError
        request = AWSRequest(
            "POST",
            self._url,
            {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"},
            msgspec.json.encode(parameters),
        )
        # frozen: the three parts of one key, though another thread may renew it
        SigV4Auth(self._credentials.get_frozen_credentials(), "sqs", self._region).add_auth(request)
        answer = self._answer(request.prepare())
        if answer.status_code != 200:
            raise ClientError({"Error": _error(answer.status_code, answer.content)}, operation)
        return msgspec.json.decode(answer.content) if answer.content else {}

    def _answer(self, request: AWSPreparedRequest) -> AWSResponse:
        """The second, where the first is that the other side had closed the connection, or a moment's trouble."""
        try:
            answer = self._http.send(request)
        except ConnectionClosedError:
            return self._http.send(request)
        return self._http.send(request) if answer.status_code >= 500 else answer

    def close(self) -> None:
        """The connection is closed."""
        self._http.close()


def _error(status: int, content: bytes) -> Any:
    """As boto3 words it. Something in between (a proxy, a balancer) may answer in words of its own."""
    try:
        told = msgspec.json.decode(content)
        return {"Code": told["__type"].rpartition("#")[2], "Message": told.get("message", "")}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return {"Code": str(status), "Message": content[:200].decode(errors="replace")}
