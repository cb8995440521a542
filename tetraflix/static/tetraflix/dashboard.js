// Draws the dashboard from its data, and polls for newer data every few seconds.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.getElementById("dashboard");
  if (!page) return;
  const { COLOURS, axis, line, draw: drawOn } = window.tetraflixCharts;
  const LARGEST_FIRST = { tooltip: { itemSort: (one, other) => other.raw - one.raw } };
  const number = new Intl.NumberFormat("en-US");

  function age(seconds) {
    if (seconds === null || seconds === undefined) return "none";
    if (seconds < 100) return `${Math.round(seconds)} s`;
    if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
    if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  }

  function say(name, text) {
    const place = page.querySelector(`[data-value="${name}"]`);
    if (place.textContent !== text) place.textContent = text;
  }

  function draw(name, ...chart) {
    drawOn(page.querySelector(`[data-chart="${name}"]`), ...chart, LARGEST_FIRST);
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
    if (!lists.length) place.textContent = "The lists are not computed yet: run manage.py refresh_popularity.";
  }

  function percent(share) {
    return `${(100 * share).toFixed(2)}%`;
  }

  function concentration(report) {
    const place = page.querySelector("[data-concentration]");
    const table = place.closest("table");
    table.hidden = !report?.parts.length;
    say("concentration", report ? `${report.sentence} Measured ${age(report.age_seconds)} ago.` : "They are being measured.");
    const known = JSON.stringify(report?.parts ?? []);
    if (!report || place.dataset.known === known) return;
    place.dataset.known = known;
    const labels = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    place.replaceChildren(...report.parts.map((part) => {
      const link = document.createElement("a");
      link.href = `${page.dataset.movie}${part.top_movie}/change/`;
      link.textContent = part.title || `#${part.top_movie}`;
      const row = document.createElement("tr");
      row.append(...[
        part.label, number.format(part.lists), number.format(part.movies), percent(part.coverage), percent(part.top_share),
        part.top_movie === null ? "none" : link, number.format(part.profiles), age(part.median_age_seconds), age(part.oldest_age_seconds),
      ].map((content, column) => {
        const cell = document.createElement(column ? "td" : "th");
        if (column === 0) cell.scope = "row";
        cell.dataset.label = labels[column]; // narrow windows show it beside the value
        cell.append(content);
        return cell;
      }));
      return row;
    }));
  }

  function experiment(found) {
    const place = page.querySelector("[data-experiment]");
    place.hidden = !found;
    if (!found) return;
    const link = place.querySelector("a");
    link.href = found.address;
    link.textContent = found.name;
    place.querySelector("span").textContent = number.format(found.exposed);
    place.querySelector("b").textContent = found.verdict;
    place.classList.toggle("tf-wrong-text", found.withheld);
  }

  function show(data) {
    say("movies", data.movies);
    say("users", data.users === null ? "not reachable" : number.format(data.users));
    say("views_today", number.format(data.views.today));
    say("views_total", number.format(data.views.total));
    say("popularity_age", age(data.popularity_age_seconds));
    say("slowest", data.ingest.slowest_ms === null ? "none" : age(data.ingest.slowest_ms / 1000));
    say("outbox", age(data.outbox_age_seconds));
    say("beat", age(data.beat_age_seconds));
    say("problems", data.problems.join(" "));
    say("sqs", data.queues === null ? "SQS is not reachable." : "");
    const hour = data.ingest.last_hour;
    say("last_hour", `${number.format(hour.messages)} messages, ${number.format(hour.events)} events, `
      + `${number.format(hour.views)} views, ${number.format(hour.skipped)} events skipped, ${number.format(hour.poison)} dead letters.`);

    draw("views", "bar", data.views.days.map((day) => day.slice(5)), data.genres.map((genre) => ({
      label: genre.label, data: data.views.series[genre.name], backgroundColor: genre.colour, stack: "all",
    })), axis("day (UTC)", { stacked: true }), axis("views", { stacked: true }));

    const queues = Object.entries(data.ingest.queues).sort();
    const lines = queues.length ? queues : [["no messages", data.ingest.minutes.map(() => 0)]];
    draw("ingest", "line", data.ingest.minutes, lines.map(([name, data], place) => ({
      label: name, data, ...line(place), pointStyle: "line", pointRadius: 0, tension: 0.2,
    })), axis("minute (UTC)"), axis("messages a minute", { ticks: { precision: 0 } }));

    const sizes = data.queues || [];
    draw("queues", "bar", sizes.map((queue) => queue.name), [
      { label: "waiting", data: sizes.map((queue) => queue.depth), backgroundColor: COLOURS[0] },
      { label: "dead letters", data: sizes.map((queue) => queue.dead), backgroundColor: COLOURS[1] },
    ], axis("queue", { ticks: { autoSkip: false, maxRotation: 60 } }), axis("messages", { ticks: { precision: 0 }, suggestedMax: 5 }));

    experiment(data.experiment);
    concentration(data.concentration);
    tops(data.tops);
    say("state", `As of ${new Date().toLocaleTimeString()}; refreshed every ${page.dataset.seconds} seconds.`);
  }

  async function refresh() {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.address, { headers: { Accept: "application/json" } });
        if (!answer.ok || answer.redirected) throw new Error(`answer ${answer.status}`);
        show(await answer.json());
      } catch (error) {
        say("state", `The service does not answer (${error.message}); trying again.`);
      }
    }
    window.setTimeout(refresh, 1000 * Number(page.dataset.seconds));
  }

  show(JSON.parse(document.getElementById("dashboard-data").textContent));
  window.setTimeout(refresh, 1000 * Number(page.dataset.seconds));
});
