"""Signer signs as botocore does."""

import time
from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from sessions_ingest.consumer.sqs_signature import Signer

LATE = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
NEXT_DAY = datetime(2026, 3, 2, 0, 0, 1, tzinfo=UTC)
KEYS = ReadOnlyCredentials("AKIDEXAMPLE", "secret/with+signs", None)
SESSION_KEYS = ReadOnlyCredentials("ASIAEXAMPLE", "other", "token//==")
BODY = '{"QueueUrl": "Ünï"}'.encode()


def botocores(url: str, keys: ReadOnlyCredentials, at: datetime, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: at)
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}
    request = AWSRequest("POST", url, headers, BODY)
    SigV4Auth(keys, "sqs", "eu-west-3").add_auth(request)
    return request.headers["Authorization"]


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.eu-west-3.amazonaws.com/",
        "https://sqs.eu-west-3.amazonaws.com:443/",
        "http://127.0.0.1:4566/",
        "http://[::1]:4566/",
        "http://Proxy.example:80/a path/../to/~sqs/",
    ],
)
def test_signatures_equal_botocores_whatever_keys_and_day_follow(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Signer(url, "eu-west-3")
    for keys, at in [(KEYS, LATE), (KEYS, NEXT_DAY), (SESSION_KEYS, NEXT_DAY), (KEYS, LATE)]:
        ours = signer.headers(keys, "AmazonSQS.ReceiveMessage", BODY, at.timetuple())
        assert ours["Authorization"] == botocores(url, keys, at, monkeypatch)


def test_a_request_is_signed_at_the_present_time() -> None:
    before = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = Signer("https://sqs.example/", "eu-west-3").headers(KEYS, "AmazonSQS.ReceiveMessage", b"")
    assert before <= headers["X-Amz-Date"] <= time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
