// Draws the charts of an experiment's page from the data in it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("experiment-data");
  const canvas = (name) => document.querySelector(`[data-chart="${name}"]`);
  if (!place || !canvas("exposures")) return;
  const { COLOURS, axis, draw, line } = window.tetraflixCharts;
  const data = JSON.parse(place.textContent);
  const percent = (value) => (value === null ? null : 100 * value);
  const round = (value) => `${value > 0 ? "+" : ""}${value.toFixed(1)}%`;

  // Paper shows the tables, too.
  const tables = [...document.querySelectorAll("details")];
  window.addEventListener("beforeprint", () => tables.forEach((table) => { table.open = true; }));

  const exposures = data.exposures;
  draw(canvas("exposures"), "line", exposures.map((row) => row.day.slice(5)), data.arms.map((name, arm) => ({
    label: name, data: exposures.map((row) => row.arms[arm]), ...line(arm),
  })), axis("day (UTC)"), axis("users exposed a day", { ticks: { precision: 0 } }));

  const days = data.by_day;
  const labels = days.map((row) => row.day);
  draw(canvas("effect"), "bar", labels, [
    { type: "line", label: "lift", data: days.map((row) => percent(row.lift)), ...line(0), showLine: false, pointRadius: 5 },
    {
      label: "interval", data: days.map((row) => (row.low === null ? null : [percent(row.low), percent(row.high)])),
      backgroundColor: `${COLOURS[0]}44`, borderColor: COLOURS[0], borderWidth: 1, borderSkipped: false, barPercentage: 0.5,
    },
  ], axis("days since the exposure"), axis("lift (%)"), {
    tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${[item.raw].flat().map(round).join(" to ")}` } },
  });

  draw(canvas("finishes"), "line", labels, data.arms.map((name, arm) => ({
    label: name, ...line(arm),
    data: days.map((row) => (row.arms[arm].users ? row.arms[arm].recommended_finishes / row.arms[arm].users : null)),
  })), axis("days since the exposure"), axis("finishes per user"));
});
