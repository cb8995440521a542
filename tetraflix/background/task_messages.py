"""Validates the messages of the service's own queue: only a task of this service, as Celery sends it, is accepted."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery import Task
from kombu.utils import json as celery_json

from movies.foundation import strict_json

ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)
CELERY_PREFIX = "celery."  # tasks that every Celery application has, and that this one never sends
FOLLOW_UPS = ("callbacks", "errbacks", "chain", "chord")
SHOWN = 100  # characters of something unexpected


class NotATask(ValueError):
    """The message is no task of this service; its text says why."""


def read(body: str, tasks: Mapping[str, Task]) -> dict[str, Any]:
    """A new message for kombu's virtual transport, with the valid parts of `body`. Raises NotATask.

    These parts are the task's name, id and arguments, and the id of its request. Some twenty more fields, whose types
    Celery would not check, are dropped. So is an expiry, because it would compare the clocks of two machines.
    """
    envelope = _json(_plain(body), "the message")
    if not isinstance(envelope, dict):
        raise NotATask("the message is no JSON object")
    headers, properties = _part(envelope, "headers", dict), _part(envelope, "properties", dict)
    name, task_id = _part(headers, "task", str), _part(headers, "id", str)
    if name.startswith(CELERY_PREFIX) or name not in tasks:
        raise NotATask(f"no task of this service is named {_shown(name)}")
    if not ID.fullmatch(task_id):
        raise NotATask(f"the task's id is {_shown(task_id)}")
    _check_times(headers)
    kind = (envelope.get("content-type"), envelope.get("content-encoding"), properties.get("body_encoding"))
    if kind != ("application/json", "utf-8", "base64"):
        raise NotATask(f"the arguments are encoded as {_shown(kind)}, not as JSON in UTF-8 in base64")
    arguments = _base64(_part(envelope, "body", str), "the arguments")
    _check_arguments(arguments, tasks[name])
    request_id = headers.get("request_id")
    return {
        "body": base64.b64encode(arguments.encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {
            "lang": "py",
            "task": name,
            "id": task_id,
            "root_id": task_id,
            "parent_id": None,
            "group": None,
            "retries": 0,
            "eta": None,
            "expires": None,
            "timelimit": [None, None],
            "argsrepr": "",
            "kwargsrepr": "",
            "origin": "",
            "ignore_result": True,
        }
        | ({"request_id": request_id} if isinstance(request_id, str) and ID.fullmatch(request_id) else {}),
        "properties": {"correlation_id": task_id, "body_encoding": "base64", "delivery_info": {}},
    }


def _check_times(headers: dict[str, Any]) -> None:
    if headers.get("eta") is not None:
        raise NotATask("it asks for a later time (eta), and tasks of this service run at once")
    expires = headers.get("expires")
    try:
        if expires is not None:
            datetime.fromisoformat(expires)
    except (TypeError, ValueError):
        raise NotATask(f"it expires at {_shown(expires)}, which is no time") from None


def _check_arguments(text: str, task: Task) -> None:
    _json(text, "the arguments")
    try:
        args, kwargs, follow_up = celery_json.loads(text)  # as Celery decodes them, with types of its own
    except Exception as error:
        raise NotATask(f"the arguments are not those of a task: {_shown(error)}") from None
    if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(follow_up, dict)):
        raise NotATask("the arguments are not a list, an object and an object")
    if any(follow_up.get(name) for name in FOLLOW_UPS):
        raise NotATask("it asks for other tasks to follow, and tasks of this service have none")
    try:
        task.__header__(*args, **kwargs)  # type: ignore[attr-defined] # only checks the arguments
    except TypeError as error:
        raise NotATask(f"{task.name} does not take these arguments: {_shown(error)}") from None


def _plain(body: str) -> str:
    """The JSON of a message, which Celery sends in base64."""
    return body if body.lstrip().startswith("{") else _base64(body, "the message")


def _base64(text: str, what: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise NotATask(f"{what} is no base64 of a text") from None


def _json(text: str, what: str) -> Any:
    try:
        return strict_json.loads(text)
    except strict_json.BadJson as error:
        raise NotATask(f"{what}: {error}") from None


def _part(whole: dict[str, Any], name: str, kind: type) -> Any:
    part = whole.get(name)
    if not isinstance(part, kind):
        raise NotATask(f"its {name} is {_shown(part)}")
    return part


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
