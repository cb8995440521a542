"""The PostgreSQL and SQS of a test session: started before the settings are read, removed at its end."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tetraflix.embedded import sqs as sqs_module
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.sqs import EmbeddedSqs

# xdist's workers inherit the environment of the session that started the servers.
FOLDER_VARIABLE = "TETRAFLIX_TEST_SESSION"
# The developer's variables, which would lead to other servers than the session's.
DEVELOPER_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "MONGODB_URL",
    "ELASTICSEARCH_URL",
)


class Servers:
    """The session's two servers, in a temporary folder.

    In an xdist worker they are only addresses, because the controller starts and stops them.
    """

    def __init__(self) -> None:
        self.owned = FOLDER_VARIABLE not in os.environ
        if self.owned:
            self.folder = Path(tempfile.mkdtemp(prefix="tetraflix-tests-"))
            self.folder.chmod(0o755)  # PostgreSQL may have to run as another user
        else:
            self.folder = Path(os.environ[FOLDER_VARIABLE])
        # Any free ports (0): a stack may be running on the usual ones.
        self.postgres = EmbeddedPostgres(self.folder / "postgres", 0, fsync=False)
        self.sqs = EmbeddedSqs(self.folder / "sqs", 0)

    def start(self) -> None:
        """Starts both, and sets the environment so that the settings use them and no other server of this machine."""
        if not self.owned:
            self.postgres.port = int(os.environ["TETRAFLIX_TEST_POSTGRES_PORT"])
            self.sqs.port = int(os.environ["TETRAFLIX_TEST_SQS_PORT"])
            return
        atexit.register(self.stop)
        self.postgres.start()
        self.sqs.start()
        (self.folder / "var/static").mkdir(parents=True)  # without it whitenoise warns for each client
        for name in DEVELOPER_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(
            {
                FOLDER_VARIABLE: str(self.folder),
                "TETRAFLIX_TEST_POSTGRES_PORT": str(self.postgres.port),
                "TETRAFLIX_TEST_SQS_PORT": str(self.sqs.port),
                "TETRAFLIX_VAR": str(self.folder / "var"),
                "DATABASE_URL": self.postgres.url,
                "AWS_ENDPOINT_URL_SQS": self.sqs.url,
                "AWS_REGION": sqs_module.REGION,
                **sqs_module.DUMMY_CREDENTIALS,
            }
        )

    def stop(self) -> None:
        """Stops both and removes their folder."""
        if self.owned:
            self.sqs.kill()
            self.postgres.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
