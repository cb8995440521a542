"""A real pgbouncer for the tests, in transaction mode, from Debian's package."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tetraflix.embedded.ports import free_port
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.processes import Child
from tetraflix.embedded.server_folders import NOBODY_UID

# Few enough server connections that clients get another one in most transactions.
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port} user=tetraflix
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 300
"""


@pytest.fixture
def pooled_postgres(private_postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a new PostgreSQL for one test, through a pool whose clients share server connections."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer here: install the package `pgbouncer`")
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-pgbouncer-"))
    folder.chmod(0o755)
    port = free_port()
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(server_port=private_postgres.port, port=port))
    user = NOBODY_UID if os.geteuid() == 0 else None
    child = Child(name="pgbouncer", argv=[program, str(configuration)], log=folder / "log", user=user)
    try:
        child.start()
        child.wait_ready(lambda: _listens(port), seconds=30)
        address = private_postgres.url.replace(f":{private_postgres.port}/", f":{port}/")
        assert address != private_postgres.url
        yield address
    finally:
        child.stop(seconds=10)
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
