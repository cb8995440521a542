"""The report on an experiment, for analysts: the same JSON as `manage.py experiment report NAME --json`."""

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recommendations.experiments.lifecycle import NoSuchExperiment
from recommendations.experiments.report import recent


class ExperimentReport(APIView):
    """`GET /tetraflix/experiments/<name>`."""

    required_role = "service"
    reads_need_role = True

    def get(self, request: Request, name: str) -> Response:
        """Counts are of exposed users so far, lifts and intervals of matured users."""
        try:
            found = recent(name)
        except NoSuchExperiment as error:
            raise NotFound(str(error)) from None
        return Response(found, headers={"Cache-Control": "no-store"})
