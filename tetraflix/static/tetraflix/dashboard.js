// Draws the dashboard from its figures, and asks for newer ones every few seconds.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.getElementById("dashboard");
  if (!page) return;
  const charts = {};
  const QUEUE_COLOURS = ["#006ddb", "#db6d00", "#009292", "#7d7d85"];
  const number = new Intl.NumberFormat("en-US");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function age(seconds) {
    if (seconds === null || seconds === undefined) return "none";
    if (seconds < 100) return `${Math.round(seconds)} s`;
    if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
    if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  }

  function say(name, text) {
    const place = page.querySelector(`[data-figure="${name}"]`);
    if (place.textContent !== text) place.textContent = text;
  }

  function axis(title, more = {}) {
    return {
      ...more,
      title: { display: true, text: title, color: style("--tf-muted") },
      ticks: { color: style("--tf-muted"), maxRotation: 0, autoSkip: true, ...(more.ticks || {}) },
      grid: { color: style("--tf-line") },
      beginAtZero: true,
    };
  }

  function draw(name, type, labels, datasets, x, y) {
    const chart = charts[name];
    if (chart && chart.data.datasets.length === datasets.length) {
      chart.data.labels = labels;
      datasets.forEach((set, place) => { Object.assign(chart.data.datasets[place], set); });
      chart.update("none");
      return;
    }
    if (chart) chart.destroy();
    charts[name] = new Chart(page.querySelector(`[data-chart="${name}"]`), {
      type,
      data: { labels, datasets },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: { x, y },
        plugins: {
          legend: { display: true, position: "bottom", labels: { color: style("--tf-text"), boxWidth: 12, boxHeight: 12 } },
          tooltip: { itemSort: (one, other) => other.raw - one.raw },
        },
      },
    });
  }

  function tops(lists) {
    const place = page.querySelector("[data-tops]");
    const known = JSON.stringify(lists.map((list) => [list.genre, list.movies]));
    if (place.dataset.known === known) return;
    place.dataset.known = known;
    place.replaceChildren(...lists.map((list) => {
      const box = document.createElement("div");
      const head = document.createElement("h3");
      const colour = document.createElement("i");
      colour.style.background = list.colour;
      head.append(colour, list.label);
      const rows = document.createElement("ol");
      rows.append(...list.movies.map((movie) => {
        const row = document.createElement("li");
        const link = document.createElement("a");
        link.href = `${page.dataset.movie}${movie.id}/change/`;
        link.textContent = movie.title;
        const views = document.createElement("span");
        views.textContent = ` ${number.format(movie.views)} views`;
        row.append(link, views);
        return row;
      }));
      if (!list.movies.length) rows.append("nothing watched yet");
      box.append(head, rows);
      return box;
    }));
    if (!lists.length) place.textContent = "The lists were not made yet: manage.py refresh_popularity.";
  }

  function show(figures) {
    say("movies", figures.movies);
    say("users", figures.users === null ? "not reachable" : number.format(figures.users));
    say("views_today", number.format(figures.views.today));
    say("views_total", number.format(figures.views.total));
    say("popularity_age", age(figures.popularity_age_seconds));
    say("slowest", figures.ingest.slowest_ms === null ? "none" : age(figures.ingest.slowest_ms / 1000));
    say("outbox", age(figures.outbox_age_seconds));
    say("beat", age(figures.beat_age_seconds));
    say("problems", figures.problems.join(" "));
    say("sqs", figures.queues === null ? "SQS is not reachable." : "");
    const hour = figures.ingest.last_hour;
    say("last_hour", `${number.format(hour.messages)} messages, ${number.format(hour.events)} events, `
      + `${number.format(hour.views)} views, ${number.format(hour.skipped)} events skipped, ${number.format(hour.poison)} dead letters.`);

    draw("views", "bar", figures.views.days.map((day) => day.slice(5)), figures.genres.map((genre) => ({
      label: genre.label, data: figures.views.series[genre.name], backgroundColor: genre.colour, stack: "all",
    })), axis("day (UTC)", { stacked: true }), axis("views", { stacked: true }));

    const queues = Object.entries(figures.ingest.queues).sort();
    const lines = queues.length ? queues : [["no messages", figures.ingest.minutes.map(() => 0)]];
    draw("ingest", "line", figures.ingest.minutes, lines.map(([name, data], place) => ({
      label: name, data, borderColor: QUEUE_COLOURS[place % 4], backgroundColor: QUEUE_COLOURS[place % 4],
      pointRadius: 0, borderWidth: 2, tension: 0.2,
    })), axis("minute (UTC)"), axis("messages a minute", { ticks: { precision: 0 } }));

    const sizes = figures.queues || [];
    draw("queues", "bar", sizes.map((queue) => queue.name), [
      { label: "waiting", data: sizes.map((queue) => queue.depth), backgroundColor: QUEUE_COLOURS[0] },
      { label: "dead letters", data: sizes.map((queue) => queue.dead), backgroundColor: QUEUE_COLOURS[1] },
    ], axis("queue", { ticks: { autoSkip: false, maxRotation: 60 } }), axis("messages", { ticks: { precision: 0 }, suggestedMax: 5 }));

    tops(figures.tops);
    say("state", `As of ${new Date().toLocaleTimeString()}; asked anew every ${page.dataset.seconds} seconds.`);
  }

  async function ask() {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.address, { headers: { Accept: "application/json" } });
        if (!answer.ok || answer.redirected) throw new Error(`answer ${answer.status}`);
        show(await answer.json());
      } catch (error) {
        say("state", `The service does not answer (${error.message}); trying again.`);
      }
    }
    window.setTimeout(ask, 1000 * Number(page.dataset.seconds));
  }

  show(JSON.parse(document.getElementById("figures").textContent));
  window.setTimeout(ask, 1000 * Number(page.dataset.seconds));
});
