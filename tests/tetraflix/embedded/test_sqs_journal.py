"""The journal of the embedded SQS server: what it says is what the queues held, whenever it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from tetraflix.embedded.sqs_server import journal as journal_module
from tetraflix.embedded.sqs_server.journal import Journal, Messages, without_messages

KEY = "000000000000 us-east-1 q"


def message(number: int) -> dict[str, Any]:
    return {
        "id": f"m{number}",
        "sent_at": float(number),
        "seq": None,
        "dedup_cache_key": None,
        "body": "x" * 100,
    }


def add(journal: Journal, number: int) -> None:
    journal.write(["add", KEY, message(number)])
    journal.queues[KEY]["messages"].by_id[f"m{number}"] = message(number)


def delete(journal: Journal, number: int) -> None:
    journal.write(["gone", KEY, f"m{number}"])
    del journal.queues[KEY]["messages"].by_id[f"m{number}"]


def ids(journal: Journal) -> list[str]:
    return [one["id"] for one in journal.queues[KEY]["messages"]]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path)
    queue = {"name": "q", "fifo_seq": 0, "dedup_cache": {}, "messages": Messages()}
    journal.write(["queue", KEY, without_messages(queue)])
    journal.queues[KEY] = queue
    return journal


def test_a_partial_line_is_dropped_and_the_next_one_is_whole(journal: Journal) -> None:
    add(journal, 1)
    with journal.file.open("ab") as out:
        out.write(b'["add","000')
    again = Journal(journal.file.parent)
    assert (ids(again), again.clean, again.rebooted) == (["m1"], False, False)
    add(again, 2)
    assert ids(Journal(journal.file.parent)) == ["m1", "m2"]


def test_only_an_end_as_asked_is_clean_and_a_new_boot_is_noticed(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.close()
    assert Journal(journal.file.parent).clean
    monkeypatch.setattr(journal_module, "boot_id", lambda: "another")
    again = Journal(journal.file.parent)
    assert (again.clean, again.rebooted) == (False, True)


def test_a_rewrite_keeps_what_changes_meanwhile(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "SLICE", 10)
    for number in range(100):
        add(journal, number)
    for number in range(50):
        delete(journal, number)
    steps = journal.compaction(journal.queues)
    next(steps)
    delete(journal, 50)  # copied already
    delete(journal, 99)  # not yet
    add(journal, 100)
    before = journal.size
    assert ids(Journal(journal.file.parent)) == ids(journal)  # killed in between: the old file counts
    assert [None for _ in steps]
    assert journal.size < before
    add(journal, 101)
    expected = [f"m{number}" for number in (*range(51, 99), 100, 101)]
    assert ids(journal) == expected
    assert ids(Journal(journal.file.parent)) == expected


def test_a_rewrite_brings_nothing_back_of_a_queue_that_was_created_again(journal: Journal) -> None:
    other = KEY + "2"
    journal.write(["queue", other, {"fifo_seq": 0, "dedup_cache": {}, "at": "first"}])
    journal.queues[other] = {"fifo_seq": 0, "dedup_cache": {}, "at": "first", "messages": Messages()}
    journal.queues[other]["messages"].by_id["m1"] = message(1)
    add(journal, 1)
    steps = journal.compaction(journal.queues)
    next(steps)
    journal.write(["drop", other], ["queue", other, {"fifo_seq": 0, "dedup_cache": {}, "at": "again"}])
    journal.queues[other] = {"fifo_seq": 0, "dedup_cache": {}, "at": "again", "messages": Messages()}
    assert list(steps) == []
    again = Journal(journal.file.parent).queues[other]
    assert (again["at"], len(again["messages"])) == ("again", 0)


def test_nothing_is_kept_of_what_a_full_disk_refuses(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all = journal_module._write_all

    def full(file: int, data: bytes) -> None:
        write_all(file, data[:20])
        raise OSError(28, "No space left on device")

    add(journal, 1)
    monkeypatch.setattr(journal_module, "_write_all", full)
    with pytest.raises(OSError, match="No space left"):
        journal.write(["add", KEY, message(2)])
    monkeypatch.undo()
    add(journal, 3)
    assert ids(Journal(journal.file.parent)) == ["m1", "m3"]
    assert all(json.loads(line) for line in journal.file.read_text().splitlines())
