"""The edit form of a movie: its title, its 15 weights that sum to 100, and whether it is hidden."""

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from movies.admin.conflicts import Conflict, conflict_of
from movies.foundation.numbers import whole_number
from movies.foundation.times import written
from movies.genres import GENRES, label
from movies.inventory.validation import checked
from movies.models import Movie
from movies.palette import COLOURS
from movies.profiles import TOTAL, BadProfile
from movies.profiles import checked as checked_profile


class WeightsWidget(forms.Widget):
    """15 numbers with their colours; weights.js shows their sum while a person types."""

    template_name = "admin/movies/movie/weights.html"

    class Media:
        js = ["movies/admin/weights.js"]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        weights = value if isinstance(value, (list, tuple)) else [0] * len(GENRES)
        context["weights"] = [
            {"name": f"{name}-{genre}", "label": label(genre), "colour": COLOURS[genre], "value": weight}
            for genre, weight in zip(GENRES, weights, strict=True)
        ]
        context["total"] = TOTAL
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[str]:
        return [str(data.get(f"{name}-{genre}", "")).strip() for genre in GENRES]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return all(f"{name}-{genre}" not in data for genre in GENRES)

    def id_for_label(self, id_: str) -> str:
        return f"{id_}-{GENRES[0]}" if id_ else ""


class WeightsField(forms.Field):
    """A profile; an empty number is 0. Errors name the genre."""

    widget = WeightsWidget

    def to_python(self, value: Any) -> list[int]:
        weights: list[Any] = []
        for text in value:
            number = whole_number(text, least=0)
            weights.append((text or 0) if number is None else number)
        try:
            return list(checked_profile(weights))
        except BadProfile as error:
            errors = [f"{label(genre)}: {sentence}" for genre, sentence in error.errors.items()]
            raise forms.ValidationError(errors or [str(error)]) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [str(weight) for weight in initial or ()] != [text or "0" for text in data]


class VersionField(forms.Field):
    """The version of the movie that this form was rendered with."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> int | None:
        number = whole_number(value)
        if value and number is None:
            raise forms.ValidationError("The form has no valid version of the movie. Open the movie again.")
        return number


class MovieForm(forms.ModelForm):
    """Validates by the same rules as the API; `seen` is the version that the person edited."""

    title = forms.CharField(widget=UnfoldAdminTextInputWidget, strip=False)
    profile = WeightsField(label="Genres")
    hidden = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Hidden movies appear in no list.",
    )
    seen = VersionField(required=False)
    conflict: Conflict | None = None  # with a change that somebody else made meanwhile
    refusal = ""  # why a valid form could not be saved; shown with the form, which keeps what was typed

    class Meta:
        model = Movie
        fields = ["title", "profile", "hidden"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen"] = self.instance.version

    def clean_title(self) -> str:
        good, bad = checked({"title": self.cleaned_data["title"]})
        if bad:
            raise forms.ValidationError(bad["title"])
        return str(good["title"])

    def clean(self) -> dict[str, Any] | None:
        if self.refusal:
            raise forms.ValidationError(self.refusal)
        seen = self.cleaned_data.get("seen")
        if self.instance.pk and seen and seen != self.instance.version and not self.errors:
            self._merge(conflict_of(self.instance, seen=seen, typed=self.cleaned_data))
        return super().clean()

    def _merge(self, conflict: Conflict) -> None:
        """Shows the form again, with both changes where they do not meet; the next save is on top of theirs."""
        self.conflict = conflict
        values = {"title": self.cleaned_data["title"], **conflict.merged}
        data = dict(self.data.items())
        data["title"], data["seen"] = values["title"], str(self.instance.version)
        if "profile" in values:
            for genre, weight in zip(GENRES, values["profile"], strict=True):
                data[f"profile-{genre}"] = str(weight)
        if "hidden" in values:
            data.pop("hidden", None)
            if values["hidden"]:
                data["hidden"] = "on"
        self.data = data
        raise forms.ValidationError(
            f"{conflict.actor} changed this movie at {written(conflict.at)}, after you opened it."
            " Nothing is saved yet: compare, and save again."
        )
