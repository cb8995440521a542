"""DirectCalls sends the same requests as boto3, and returns the same responses and errors."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from movies.outbox import bus
from sessions_ingest.consumer import sqs
from sessions_ingest.consumer.sqs import ATTRIBUTES
from sessions_ingest.consumer.sqs_calls import BotoCalls, Calls, DirectCalls, make_calls
from tests.servers.queues import Queues
from tetraflix.embedded.ports import free_port

pytestmark = pytest.mark.sqs_servers("embedded", "elasticmq")


def calls(endpoint: str = "", session: boto3.Session | None = None) -> Calls:
    endpoint = endpoint or bus.shared_client().meta.endpoint_url
    return make_calls(session or bus.aws_session(), endpoint, connect_seconds=2, read_seconds=5)


class Balancer(BaseHTTPRequestHandler):
    """A load balancer before SQS: keeps the last request's headers, and responds with `answer`."""

    answer: tuple[int, bytes] = (200, b"{}")
    failures: list[int] = []  # statuses to respond with before; 0 closes the connection instead
    got: dict[str, str] = {}

    def do_POST(self) -> None:
        Balancer.got = dict(self.headers)
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = (self.failures.pop(), b"") if self.failures else self.answer
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def balancer() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Balancer)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_response_equals_boto3s(queues: Queues) -> None:
    request: dict[str, Any] = {
        "QueueUrl": queues.session.url,
        "MaxNumberOfMessages": 10,
        "VisibilityTimeout": 0,
        "MessageSystemAttributeNames": ATTRIBUTES,
        "MessageAttributeNames": ["All"],
    }
    bus.shared_client().send_message(
        QueueUrl=queues.session.url,
        MessageBody='Ünïcode "and" {} \U0001f3ac',
        MessageAttributes={"reason": {"DataType": "String", "StringValue": "because"}},
    )
    [ours] = calls()("ReceiveMessage", request)["Messages"]
    [boto3s] = bus.shared_client().receive_message(**request)["Messages"]
    different = {"ReceiptHandle", "Attributes"}  # a new receipt and one more receipt counted
    assert {k: v for k, v in ours.items() if k not in different} == {
        k: v for k, v in boto3s.items() if k not in different
    }
    assert ours["Attributes"]["SentTimestamp"] == boto3s["Attributes"]["SentTimestamp"]

    entry = {"Id": "0", "ReceiptHandle": boto3s["ReceiptHandle"]}
    answer = calls()("DeleteMessageBatch", {"QueueUrl": queues.session.url, "Entries": [entry]})
    assert [done["Id"] for done in answer["Successful"]] == ["0"]
    assert bus.depth(queues.session.url) == 0


@pytest.mark.parametrize("kind", [DirectCalls, BotoCalls])
def test_a_released_message_is_received_again_and_a_deleted_one_is_gone(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, kind: type[Calls]
) -> None:
    monkeypatch.setattr(sqs, "make_calls", kind)
    bus.shared_client().send_message(QueueUrl=queues.session.url, MessageBody="body")
    queue = sqs.SqsQueue(queues.session.name, visibility_seconds=30)
    [first] = queue.receive(5)
    assert queue.receive(0) == []
    queue.release([first])
    [again] = queue.receive(5)
    assert (again.id, again.receives) == (first.id, 2)
    queue.delete([again])
    assert bus.depth(queues.session.url) == 0
    queue.close()


def test_the_error_of_a_missing_queue_is_recognized(queues: Queues) -> None:
    with pytest.raises(ClientError) as raised:
        calls()("ReceiveMessage", {"QueueUrl": f"{queues.session.url}-never"})
    assert bus.is_missing_queue(raised.value)


def test_a_request_is_signed_for_sqs_in_its_region(balancer: str) -> None:
    session = boto3.Session("AKIDEXAMPLE", "secret", "token", region_name="eu-west-3")
    assert calls(balancer, session)("ReceiveMessage", {}) == {}
    signature = Balancer.got["Authorization"]
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-3/sqs/aws4_request" in signature
    assert Balancer.got["X-Amz-Security-Token"] == "token"
    assert Balancer.got["X-Amz-Target"] == "AmazonSQS.ReceiveMessage"


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (503, b"<html>Service Unavailable</html>", "503", "<html>Service Unavailable</html>"),
        (400, b"[]", "400", "[]"),
        (500, b"", "500", ""),
        (400, b'{"__type": "com.amazonaws.sqs#ReceiptHandleIsInvalid"}', "ReceiptHandleIsInvalid", ""),
        (403, b'{"__type": "AccessDenied", "message": "no"}', "AccessDenied", "no"),
    ],
)
def test_an_error_contains_the_response(
    balancer: str, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, code: str, message: str
) -> None:
    monkeypatch.setattr(Balancer, "answer", (status, body))
    with pytest.raises(ClientError) as raised:
        calls(balancer)("ReceiveMessage", {})
    assert raised.value.response["Error"] == {"Code": code, "Message": message}


@pytest.mark.parametrize("failure", [0, 500, 503])
def test_a_single_failure_is_retried(balancer: str, monkeypatch: pytest.MonkeyPatch, failure: int) -> None:
    monkeypatch.setattr(Balancer, "failures", [failure])
    assert calls(balancer)("ReceiveMessage", {}) == {}
    assert Balancer.failures == []


def test_a_connection_that_is_always_closed_is_an_error(
    balancer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Balancer, "failures", [0] * 10)
    with pytest.raises(ConnectionClosedError):
        calls(balancer)("ReceiveMessage", {})


def test_a_proxy_of_the_environment_is_used(balancer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", balancer)
    assert "Messages" not in calls("http://sqs.eu-west-3.example")("ReceiveMessage", {"QueueUrl": "q"})
    assert Balancer.got["Host"] == "sqs.eu-west-3.example"


def test_a_refused_connection_is_an_error() -> None:
    with pytest.raises(EndpointConnectionError):
        calls(f"http://127.0.0.1:{free_port(0)}")("ReceiveMessage", {})


def test_a_server_that_never_responds_is_an_error() -> None:
    server = HTTPServer(("127.0.0.1", 0), Balancer)  # accepts connections, never responds
    asking = DirectCalls(
        bus.aws_session(), f"http://127.0.0.1:{server.server_port}", connect_seconds=1, read_seconds=0.2
    )
    with pytest.raises(ReadTimeoutError):
        asking("ReceiveMessage", {})
    server.server_close()


def test_without_credentials_nothing_is_sent(balancer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda session: None)
    monkeypatch.setattr(Balancer, "got", {})
    with pytest.raises(NoCredentialsError):
        calls(balancer)("ReceiveMessage", {})
    assert Balancer.got == {}
