"""The admin pages of experiments: the list, drafts, the result, and starting and stopping after a question."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from movies.staff_pages.staff_admin import ReadOnlyAdmin, actor_of
from recommendations.admin import result_page
from recommendations.admin.experiment_downloads import download
from recommendations.admin.experiment_form import DraftForm
from recommendations.experiments import lifecycle
from recommendations.experiments.report import recent
from recommendations.models import Experiment
from recommendations.tasks import certify

RUN = "recommendations.run_experiment"
MAX_LISTED = 50
SECONDS_A_DAY = 86_400
CERTIFIES = "A worker computes the certificate, in a minute or two."
# what staff decide about an experiment, the state that it needs, and what the log says then
DECISIONS: dict[str, tuple[Callable[..., Experiment], str, str]] = {
    "start": (lifecycle.start, "draft", "Started."),
    "stop": (lifecycle.stop, "running", "Stopped."),
}


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyAdmin):
    """Nothing is changed by a form: a draft is created, then started, then stopped, by `lifecycle`."""

    form = DraftForm
    add_form_template = "admin/recommendations/experiment/add.html"
    fieldsets = [
        (None, {"fields": ["name"]}),
        ("Who is in it", {"fields": ["share", "assignment", "holdback", "seed"]}),
        ("How long, and how exact", {"fields": ["window_days", "users_per_arm", "smallest_effect"]}),
    ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or request.user.has_perm(RUN)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RUN)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        self._check_view(request)
        experiments = Experiment.objects.annotate(
            exposed=Count("users", filter=Q(users__exposed_at__isnull=False))
        ).order_by("-id")
        context = {
            **self.admin_site.each_context(request),
            "title": "Experiments",
            "rows": [_row(experiment) for experiment in experiments[:MAX_LISTED]],
            "may_run": request.user.has_perm(RUN),
        }
        return TemplateResponse(request, "admin/recommendations/experiment/list.html", context)

    # -- a new one -----------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"show_save_and_add_another": False, "show_save_and_continue": False}
        try:
            return super().add_view(request, form_url, context | (extra_context or {}))
        except lifecycle.NotNow as error:  # another experiment took the name after the form was validated
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: Experiment, form: Any, change: bool) -> None:
        obj.pk = lifecycle.create(obj.name, form.plan, actor=actor_of(request)).pk

    def response_add(
        self, request: HttpRequest, obj: Experiment, post_url_continue: Any = None
    ) -> HttpResponse:
        messages.success(request, f"The draft {obj.name} was created. Nothing changes until it is started.")
        return HttpResponseRedirect(_address(obj))

    # -- its page ------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The result, as of now."""
        self._check_view(request)
        experiment = self._experiment(request, object_id)
        found = recent(experiment.name)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Experiment {experiment.name}",
            "experiment": experiment,
            "report": found,
            "shown": result_page.shown(found),
            "may_run": request.user.has_perm(RUN),
        }
        return TemplateResponse(request, "admin/recommendations/experiment/page.html", context)

    def decide_view(self, request: HttpRequest, object_id: str, decision: str) -> HttpResponse:
        """GET asks, POST starts or stops the experiment."""
        if decision not in DECISIONS:
            raise Http404("An experiment is started or stopped.")
        if not request.user.has_perm(RUN):
            raise PermissionDenied
        experiment = self._experiment(request, object_id)
        service, state, said = DECISIONS[decision]
        if request.method == "POST":
            try:
                with transaction.atomic():
                    service(experiment.name, actor=actor_of(request))
                    self.log_change(request, experiment, said)
            except lifecycle.NotNow as error:
                messages.error(request, str(error))
            else:
                messages.success(request, f"{experiment.name} was {said.lower()}")
            return HttpResponseRedirect(_address(experiment))
        if lifecycle.state_of(experiment) != state:
            messages.error(request, f"{experiment.name} is {lifecycle.state_of(experiment)}.")
            return HttpResponseRedirect(_address(experiment))
        exposed = experiment.users.filter(exposed_at__isnull=False).count()
        context = {
            **self.admin_site.each_context(request),
            "title": f"{decision.capitalize()} {experiment.name}?",
            "experiment": experiment,
            "decision": decision,
            "plan": result_page.plan_rows(experiment.plan),
            "exposed": f"{exposed:,}",
            "plural": "" if exposed == 1 else "s",
            "running": lifecycle.running() if decision == "start" else None,
        }
        return TemplateResponse(request, "admin/recommendations/experiment/ask.html", context)

    def certify_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST has a worker make the A/A certificate."""
        if request.method != "POST" or not request.user.has_perm(RUN):
            raise PermissionDenied
        experiment = self._experiment(request, object_id)
        try:
            certify.apply_async((experiment.name,), retry=False)
        except (OperationalError, BotoCoreError, ClientError):
            messages.error(request, "The task queue is unavailable. Try again in a moment.")
        else:
            messages.success(request, CERTIFIES)
        return HttpResponseRedirect(_address(experiment))

    def download_view(self, request: HttpRequest, object_id: str, file: str) -> HttpResponseBase:
        self._check_view(request)
        return download(self._experiment(request, object_id), file)

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(function)

        name = "recommendations_experiment"
        return [
            path("<str:object_id>/decide/<str:decision>/", view(self.decide_view), name=f"{name}_decide"),
            path("<str:object_id>/certify/", view(self.certify_view), name=f"{name}_certify"),
            path("<str:object_id>/download/<str:file>", view(self.download_view), name=f"{name}_download"),
            *super().get_urls(),
        ]

    def _experiment(self, request: HttpRequest, object_id: str) -> Experiment:
        experiment = self.get_object(request, object_id)
        if not isinstance(experiment, Experiment):
            raise Http404("There is no such experiment.")
        return experiment

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _row(experiment: Any) -> dict[str, Any]:
    planned = experiment.plan["users_per_arm"] * len(experiment.plan["arms"])
    started, ended = experiment.started_at, experiment.ended_at or timezone.now()
    return {
        "id": experiment.pk,
        "name": experiment.name,
        "state": lifecycle.state_of(experiment),
        "started_at": started,
        "days": f"{(ended - started).total_seconds() / SECONDS_A_DAY:.1f}" if started else "",
        "exposed": f"{experiment.exposed:,}",
        "planned": f"{planned:,}",
    }


def _address(experiment: Experiment) -> str:
    return reverse("admin:recommendations_experiment_change", args=[experiment.pk])
