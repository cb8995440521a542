"""An outage of SQS while messages drain: nothing is lost, and nothing counts twice."""

import pytest

from benchmarks.faults.proxies import Proxy
from tests.servers.queues import SqsServer
from tests.sessions_ingest.finishes import Finishes
from tests.sessions_ingest.processes import CONSUME, Process
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


@pytest.mark.sqs_servers("embedded", "elasticmq")
def test_an_outage_of_sqs_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str], private_bus: SqsServer
) -> None:
    finishes = Finishes(2_000)
    with Proxy(private_bus.port) as proxy:
        env = service_env | {"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{proxy.port}"}
        with Process(*CONSUME, env=env) as consumer:
            wait_until(lambda: 0 < finishes.waiting() < finishes.count, seconds=60)
            proxy.refusing = True
            proxy.cut()
            consumer.wait_for("the queue is unavailable", seconds=60)
            proxy.refusing = False
            consumer.wait_for("the queue is available again", seconds=60)
            wait_until(lambda: finishes.waiting() == 0, seconds=120)
            assert consumer.stop(seconds=60) == 0
    finishes.assert_counted_once()
