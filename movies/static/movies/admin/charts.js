// Charts of the admin: axes with units, a legend, and the colours of the theme in use, on paper those of the light one.
"use strict";

window.tetraflixCharts = (() => {
  // Colours that people with colour-blindness can distinguish; lines differ in their dashes and points, too.
  const COLOURS = ["#006ddb", "#db6d00", "#009292", "#7d7d85", "#b66dff"];
  const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 4]];
  const POINTS = ["circle", "rect", "triangle", "rectRot", "star"];
  const style = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function axis(title, more = {}) {
    return {
      ...more,
      title: { display: true, text: title, color: style("--tf-muted") },
      ticks: { color: style("--tf-muted"), maxRotation: 0, autoSkip: true, ...(more.ticks || {}) },
      grid: { color: style("--tf-line"), ...(more.grid || {}) },
      beginAtZero: true,
    };
  }

  // The look of the line at this place of a chart.
  function line(place) {
    const colour = COLOURS[place % COLOURS.length];
    return {
      borderColor: colour, backgroundColor: colour, borderWidth: 2, borderDash: DASHES[place % DASHES.length],
      pointStyle: POINTS[place % POINTS.length], pointRadius: 3,
    };
  }

  // Draws the chart, or changes the data of the one that is drawn.
  function draw(canvas, type, labels, datasets, x, y, plugins = {}) {
    const chart = Chart.getChart(canvas);
    if (chart && chart.data.datasets.length === datasets.length) {
      chart.data.labels = labels;
      datasets.forEach((set, place) => { Object.assign(chart.data.datasets[place], set); });
      chart.update("none");
      return;
    }
    if (chart) chart.destroy();
    new Chart(canvas, {
      type,
      data: { labels, datasets },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: { x, y },
        plugins: {
          legend: { display: true, position: "bottom", labels: { color: style("--tf-text"), boxWidth: 12, boxHeight: type === "line" ? 7 : 12, usePointStyle: type === "line" } },
          ...plugins,
        },
      },
    });
  }

  function redraw() {
    Object.values(Chart.instances).forEach((chart) => {
      chart.resize();
      chart.update("none");
    });
  }

  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["class"] });
  window.matchMedia("print").addEventListener("change", redraw);

  return { COLOURS, axis, draw, line };
})();
