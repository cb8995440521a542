"""`manage.py copy_lists` copies every user, also after a stop, and reports differences."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from recommendations import store_migration
from recommendations.stores import named
from recommendations.stores.base import ListStore, StoreUnavailable
from recommendations.user_lists import Entry, Finish, UserLists

pytestmark = pytest.mark.django_db
AT = datetime(2017, 9, 8, 12, 50, 0, 123457, tzinfo=UTC)
MANY = [
    (
        user * 7 if user < 200 else 2**62 + user,
        UserLists(
            recommended=(user + 1, user + 2),
            recommended_at=AT + timedelta(microseconds=user) if user % 3 else None,
            watching=(Entry(user + 5, user / 1000, AT),),
            removed=(Entry(user + 6, 0.25, AT),),
            finished=(Finish(user + 7, AT, reported_at=AT),),
            recommended_by=("bus", "generated", "mixture")[user % 3],
            dismissed=(user + 8, user + 9)[: user % 3],
        ),
    )
    for user in range(1, 251)
]


@pytest.fixture
def stores(mongodb_url: str, settings: Settings, tmp_path, monkeypatch) -> dict[str, ListStore]:
    settings.MONGODB_URL = mongodb_url
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(store_migration, "BATCH", 20)
    return {"postgres": named("postgres"), "mongo": named("mongo")}


@pytest.mark.parametrize(("source", "target"), [("postgres", "mongo"), ("mongo", "postgres")])
def test_every_user_is_copied_whole(stores: dict[str, ListStore], source: str, target: str):
    stores[source].write(MANY)
    out = _copy(source, target)
    assert out == (
        f"250 users copied from {source} to {target}; their number and a sample of them are equal in both.\n"
    )
    assert stores[target].scan(0, 1000) == sorted(MANY)


def test_a_stopped_copy_resumes(stores: dict[str, ListStore], monkeypatch):
    stores["postgres"].write(MANY)
    written: list[list[tuple[int, UserLists]]] = []
    write = stores["mongo"].write

    def fail_at_the_third(rows):
        if len(written) == 2:
            raise StoreUnavailable("gone")
        written.append(rows)
        return write(rows)

    with monkeypatch.context() as patch:
        patch.setattr(stores["mongo"], "write", fail_at_the_third)
        with pytest.raises(CommandError, match="A store is unavailable; run the same command to resume"):
            _copy("postgres", "mongo")
    assert stores["mongo"].count() == 40

    def recorded(batch: list[tuple[int, UserLists]]) -> int:
        written.append(batch)
        return write(batch)

    monkeypatch.setattr(stores["mongo"], "write", recorded)
    assert _copy("postgres", "mongo").startswith("Resuming after user 280; 40 are copied.\n250 users copied")
    assert [user for batch in written for user, _ in batch] == [user for user, _ in sorted(MANY)]
    assert stores["mongo"].scan(0, 1000) == sorted(MANY)


def test_a_user_that_only_the_target_has_is_reported(stores: dict[str, ListStore]):
    stores["postgres"].write(MANY)
    stores["mongo"].write([(3, UserLists(recommended=(1,)))])
    with pytest.raises(CommandError, match="The source has 250 users and the target 251"):
        _copy("postgres", "mongo")


def test_a_source_that_changed_is_reported(stores: dict[str, ListStore], tmp_path):
    stores["postgres"].write(MANY)
    position_file = store_migration.PositionFile(tmp_path / "position")
    position = list(store_migration.copy(stores["postgres"], stores["mongo"], position_file))[-1]
    stores["postgres"].write([(7, UserLists(recommended=(99,)))])
    assert store_migration.differences(stores["postgres"], stores["mongo"], position.places) == [
        "User 7 differs."
    ]


def test_without_mongodb_there_is_nothing_to_copy(settings: Settings):
    settings.MONGODB_URL = ""
    with pytest.raises(CommandError, match="MONGODB_URL is not set"):
        _copy("postgres", "mongo")


def _copy(source: str, target: str) -> str:
    out = StringIO()
    call_command("copy_lists", "--from", source, "--to", target, stdout=out, stderr=StringIO())
    return out.getvalue()
