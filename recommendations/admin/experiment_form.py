"""The form for a draft of an experiment. The rules are the plan's; each error is shown at its field."""

import secrets
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
)

from recommendations.admin.result_page import ASSIGNMENTS
from recommendations.experiments.plan import DEFAULT_ARMS, BadPlan, Plan, with_holdback
from recommendations.models import Experiment

DEFAULTS = Plan(seed="-")
ELSEWHERE = {"arms": "holdback"}  # the field that shows errors of what has no field


def proposed_seed() -> str:
    """Another random seed each time, because one seed gives the same arms to the same users."""
    return secrets.token_hex(8)


class DraftForm(forms.ModelForm):
    """A name and a plan; `plan` is set when the form is valid."""

    plan: Plan

    share = forms.FloatField(
        label="Share of the users, in percent",
        initial=f"{DEFAULTS.share:g}",
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="The others are outside the experiment and get the usual lists.",
    )
    holdback = forms.FloatField(
        label="Holdback, in percent",
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="Adds an arm that gets the most popular movies only. Empty: none.",
    )
    assignment = forms.ChoiceField(
        choices=[(name, meaning[0].upper() + meaning[1:]) for name, meaning in ASSIGNMENTS.items()],
        initial=DEFAULTS.assignment,
        widget=UnfoldAdminRadioSelectWidget,
        help_text="What decides a user's arm.",
    )
    seed = forms.CharField(
        initial=proposed_seed,
        widget=UnfoldAdminTextInputWidget,
        help_text="Proposed at random. The same seed gives every user the same arm again.",
    )
    window_days = forms.IntegerField(
        label="Window, in days",
        initial=DEFAULTS.window_days,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="How long after the exposure a user's finishes count.",
    )
    users_per_arm = forms.IntegerField(
        label="Users an arm",
        initial=DEFAULTS.users_per_arm,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="How many are planned; the planner proposes a number. Intervals are narrowest there.",
    )
    smallest_effect = forms.FloatField(
        label="Smallest effect worth knowing, in percent",
        initial=f"{DEFAULTS.smallest_effect:g}",
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="The verdict says so when a difference this large is excluded.",
    )

    class Meta:
        model = Experiment
        fields = ["name"]
        help_texts = {"name": "Letters, digits, - and _. It cannot be changed later."}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            arms = with_holdback(DEFAULT_ARMS, cleaned["holdback"]) if cleaned["holdback"] else DEFAULT_ARMS
            names = ("seed", "share", "assignment", "window_days", "users_per_arm", "smallest_effect")
            self.plan = Plan(arms=arms, **{name: cleaned[name] for name in names})
        except BadPlan as error:
            field = ELSEWHERE.get(error.field, error.field)
            self.add_error(field if field in self.fields else None, error.reason)
        return cleaned
