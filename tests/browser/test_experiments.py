"""Experiments in a browser: created, started, looked at and stopped, at the width of a desktop and of a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from recommendations.experiments import lifecycle
from recommendations.experiments.planning import planner
from recommendations.models import Experiment
from tests.admin.experiments import experiment_of_weeks
from tests.admin.test_planner import users_of_weeks
from tests.browser.conftest import Visit
from tests.browser.test_admin import drawn
from tetraflix.backoffice import experiment_panel, planner_page

LIST = "/admin/recommendations/experiment/"
CHARTS = ("exposures", "effect", "finishes")
Open = Callable[[int], Visit]
both_widths = pytest.mark.parametrize("width", [1440, 390])


@both_widths
def test_an_experiment_is_created_started_seen_and_stopped(visit: Open, width: int):
    window = visit(width)
    page = window.log_in(LIST)
    page.click("text=New experiment")
    page.fill("[name=name]", "first")
    page.fill("[name=share]", "0")
    page.click("[name=_save]")
    page.wait_for_selector("text=The share is more than 0 and at most 100 percent.")
    assert window.fits()
    page.fill("[name=share]", "50")
    page.click("[name=_save]")
    page.wait_for_selector("text=The draft first was created.")
    assert window.fits()
    page.click("a:text-is('Start')")
    page.wait_for_selector("text=The plan below is frozen")
    expect(page.locator("code")).to_have_text(Experiment.objects.get().plan_hash)
    assert window.fits()
    page.click("text=Yes, start it")
    page.wait_for_selector("text=Not enough data yet (0 of 100 users an arm)")
    assert window.fits()
    page.click("a:text-is('Stop')")
    page.click("text=Yes, stop it")
    page.wait_for_selector("text=first was stopped.")
    assert lifecycle.state_of(lifecycle.get("first")) == "stopped"
    assert window.errors == []


@both_widths
def test_weeks_of_data_are_drawn_with_a_table_behind_each_chart(visit: Open, width: int):
    experiment = experiment_of_weeks()
    window = visit(width)
    page = window.log_in(LIST)
    expect(page.locator("[data-report]")).to_contain_text("modelled preferences do better: +")
    assert window.fits()
    page.click("text=weeks")
    page.wait_for_selector("h2:has-text('Modelled preferences do better')")
    assert min(drawn(page, name) for name in CHARTS) > 3
    for summary in page.locator("summary").all():
        summary.click()
    assert page.locator("details tbody").first.locator("tr").count() > 20
    assert window.fits()
    with page.expect_download() as download:
        page.click("text=Their days (CSV)")
    assert download.value.suggested_filename == "weeks-days.csv"
    assert len(download.value.path().read_bytes().splitlines()) == 1 + experiment.days.count()
    assert window.errors == []


def test_the_page_is_labelled_and_its_charts_follow_the_theme_and_print(visit: Open):
    experiment = experiment_of_weeks()
    window = visit(1440)
    page = window.log_in(f"{LIST}{experiment.pk}/change/")
    page.wait_for_selector("text=Exposures a day")
    assert page.locator("canvas:not([role=img][aria-label])").count() == 0
    assert page.locator(".tf-card th:not([scope])").count() == 0
    legend = "Object.values(Chart.instances)[0].legend.options.labels.color"
    light = page.evaluate(legend)
    page.evaluate("document.documentElement.classList.add('dark')")
    page.wait_for_function(f"{legend} !== '{light}'")
    page.emulate_media(media="print")
    page.wait_for_function(f"{legend} === '{light}'")
    assert page.locator("a:text-is('Stop')").is_hidden()
    assert page.locator("details[open]").count() == 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert window.errors == []


@both_widths
def test_the_planner_fills_the_form_of_a_draft(visit: Open, monkeypatch: pytest.MonkeyPatch, width: int):
    monkeypatch.setattr(planner, "recent_users", users_of_weeks)
    planner_page.forget()
    window = visit(width)
    page = window.log_in(LIST)
    page.click("text=Planner")
    page.wait_for_selector("text=Plan this", timeout=60_000)
    assert window.fits()
    page.click("tr:has(th:text-is('10%')) a")
    page.wait_for_selector("[name=users_per_arm]")
    assert page.input_value("[name=smallest_effect]") == "10"
    assert int(page.input_value("[name=users_per_arm]")) > 100
    assert window.fits()
    assert window.errors == []
    planner_page.forget()


@both_widths
def test_the_dashboard_names_the_running_experiment(visit: Open, width: int):
    experiment_of_weeks()
    experiment_panel.forget()
    window = visit(width)
    page = window.log_in("/admin/")
    line = page.locator("[data-experiment]")
    expect(line).to_contain_text("300 users exposed: modelled preferences do better", timeout=60_000)
    assert window.fits()
    line.locator("a").click()
    page.wait_for_selector("h2:has-text('Modelled preferences do better')")
    lifecycle.stop("weeks", actor="x")
    experiment_panel.forget()
    window.open("/admin/")
    expect(page.locator("[data-experiment]")).to_be_hidden(timeout=60_000)
    assert window.errors == []
