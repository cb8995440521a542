"""The report on an experiment, as the OpenAPI document describes it; no view validates or renders with these."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from movies.api.serializers import ClosedSerializer, example

OBJECT = {"type": "object", "additionalProperties": True}
NUMBERS = {"type": "object", "additionalProperties": {"type": "integer"}}
ARM_EXAMPLE = {
    "name": "modelled",
    "strategy": "mixture",
    "taste": "modelled",
    "weight": 1.0,
    "exposed": 6120,
    "matured": 4980,
    "recommended_finishes": 3710,
    "finishes": 9127,
}
CONTROL_EXAMPLE = {**ARM_EXAMPLE, "name": "fixed", "taste": "fixed", "recommended_finishes": 2842}
INTERVAL_EXAMPLE = {"lift": 0.31, "low": 0.18, "high": 0.46}
REPORT_EXAMPLE: dict[str, Any] = {
    "name": "taste-2026-11",
    "state": "running",
    "plan": {"seed": "5f8a", "share": 100.0, "assignment": "hash", "window_days": 7},
    "plan_hash": "9b1c8f0e5a7d4c2b8e6f1a3d5c7b9e0f2a4c6e8b0d1f3a5c7e9b2d4f6a8c0e1d",
    "started_at": "2026-11-02T10:00:00+00:00",
    "ended_at": None,
    "as_of": "2026-11-29T10:00:00+00:00",
    "days": 27.0,
    "arms": [CONTROL_EXAMPLE, ARM_EXAMPLE],
    "primary": INTERVAL_EXAMPLE,
    "split": {"p": 0.41, "e": 0.02, "ok": True},
    "left_out": {"rates movies": 210, "list from the bus": 35},
    "verdict": "modelled preferences do better: +31% (+18% to +46%)",
    "problems": [],
    "health": {"two_arms": 0, "bus_share": 0.01, "lost_reads": 0, "lost_seconds": 0, "readers": 12480},
    "metrics": [],
    "by_day": [],
    "shadow": [
        {"recommended_finishes": 2842, "on_both": 990},
        {"recommended_finishes": 3710, "on_both": 1012},
    ],
    "sisters": [{"known": 0, "disagree": 0, "group_disagree": 0}] * 2,
    "power": {"smallest_effect": 0.12, "users_left": 0, "days_left": 0, "exposed_a_day": 410.0},
    "certificate": None,
}


@extend_schema_field(OBJECT)
class _Object(serializers.JSONField):
    pass


@extend_schema_field(NUMBERS)
class _Numbers(serializers.JSONField):
    pass


class ArmSerializer(ClosedSerializer):
    """An arm, with the counts of all of its exposed users within the window, so far."""

    name = serializers.CharField()
    strategy = serializers.CharField()
    taste = serializers.CharField()
    weight = serializers.FloatField()
    exposed = serializers.IntegerField(min_value=0)
    matured = serializers.IntegerField(min_value=0, help_text="Exposed at least a whole window ago.")
    recommended_finishes = serializers.IntegerField(min_value=0)
    finishes = serializers.IntegerField(min_value=0)


class IntervalSerializer(ClosedSerializer):
    """A lift (0.1 is 10% more than control) and its interval, which is valid at every look."""

    lift = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class SplitSerializer(ClosedSerializer):
    """The split check: chi-square p of this look, and evidence that is valid at every look."""

    p = serializers.FloatField()
    e = serializers.FloatField()
    ok = serializers.BooleanField()


@example(REPORT_EXAMPLE)
class ReportSerializer(ClosedSerializer):
    """Everything about an experiment. Control is the first arm; lists by arm are in the order of `arms`."""

    name = serializers.CharField()
    state = serializers.ChoiceField(["draft", "running", "stopped"])
    plan = _Object()
    plan_hash = serializers.CharField(help_text="SHA-256 of the plan's JSON with sorted keys and no spaces.")
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    as_of = serializers.DateTimeField(allow_null=True)
    days = serializers.FloatField(help_text="From the start to `as_of`.")
    arms = ArmSerializer(many=True)
    primary = IntervalSerializer(
        allow_null=True, help_text="The second arm against control; null below 100 matured users an arm."
    )
    split = SplitSerializer()
    left_out = _Numbers(help_text="Users that read a list and are not exposed, by reason.")
    verdict = serializers.CharField()
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="Failed checks, which withhold the verdict."
    )
    health = _Object()
    metrics = serializers.ListField(child=_Object())
    by_day = serializers.ListField(child=_Object())
    shadow = serializers.ListField(child=_Numbers())
    sisters = serializers.ListField(child=_Numbers())
    power = _Object()
    certificate = _Object(allow_null=True)
