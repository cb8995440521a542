// Draws the dashboard from its data, and polls for newer data every few seconds.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.getElementById("dashboard");
  if (!page) return;
  const { axis, line, draw: drawOn } = window.tetraflixCharts;
  const LARGEST_FIRST = { tooltip: { itemSort: (one, other) => other.raw - one.raw } };
  const number = new Intl.NumberFormat("en-US");

  function age(seconds) {
    if (seconds === null || seconds === undefined) return "none";
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([least]) => seconds >= least);
    return `${Math.floor(seconds / size)} ${unit}`;
  }

  function say(name, text) {
    const place = page.querySelector(`[data-value="${name}"]`);
    if (place.textContent !== text) place.textContent = text;
  }

  function draw(name, ...chart) {
    drawOn(page.querySelector(`[data-chart="${name}"]`), ...chart, LARGEST_FIRST);
  }

  // Whether a part of the page has to be drawn: not while what it shows is the same.
  function isNew(place, shown) {
    const text = JSON.stringify(shown);
    if (place.dataset.known === text) return false;
    place.dataset.known = text;
    return true;
  }

  function element(name, text, classes = "") {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = classes;
    return made;
  }

  function linked(address, text, classes = "") {
    const made = element(address ? "a" : "span", text, classes);
    if (address) made.href = address;
    return made;
  }

  // A row whose first cell is its head; narrow windows show each cell beside its column's name.
  function tableRow(table, contents) {
    const labels = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    const row = document.createElement("tr");
    row.append(...contents.map((content, column) => {
      const cell = document.createElement(column ? "td" : "th");
      if (column === 0) cell.scope = "row";
      cell.dataset.label = labels[column];
      cell.append(content);
      return cell;
    }));
    return row;
  }

  // A sentence in which commands stand between backticks.
  function problem(sentence) {
    const item = document.createElement("li");
    item.append(...sentence.split("`").map((part, place) => element(place % 2 ? "code" : "span", part)));
    return item;
  }

  function verdict(data) {
    const place = page.querySelector("[data-verdict]");
    place.dataset.state = data.state;
    say("sentence", data.sentence);
    const chips = place.querySelector("[data-chips]");
    if (isNew(chips, data.chips)) {
      chips.replaceChildren(...data.chips.map((chip) => {
        const box = linked(chip.address, "", `tf-chip tf-chip-${chip.state}`);
        box.dataset.part = chip.part;
        box.append(element("b", chip.label), element("span", `${chip.sign} ${chip.word}`), element("small", chip.detail));
        const item = document.createElement("li");
        item.append(box);
        return item;
      }));
    }
    const problems = place.querySelector("[data-problems]");
    problems.hidden = !data.problems.length;
    if (isNew(problems, data.problems)) problems.replaceChildren(...data.problems.map(problem));
  }

  function queues(rows) {
    const place = page.querySelector("[data-queues]");
    const table = place.closest("table");
    table.hidden = !rows;
    say("sqs", rows ? "" : "SQS does not answer.");
    if (!rows || !isNew(place, rows)) return;
    const bounded = (atLeast, text) => (atLeast ? `over ${text}` : text);
    place.replaceChildren(...rows.map((queue) => tableRow(table, [
      linked(queue.address, queue.name),
      queue.what,
      number.format(queue.waiting),
      queue.oldest_seconds === null ? "–" : bounded(queue.oldest_at_least, age(queue.oldest_seconds)),
      queue.dead ? linked(queue.dead_address, number.format(queue.dead), "tf-wrong-text") : "0",
      queue.rate === null ? "–" : bounded(queue.rate_at_least, number.format(queue.rate)),
    ])));
  }

  function tops(lists) {
    const place = page.querySelector("[data-tops]");
    if (!isNew(place, lists.map((list) => [list.genre, list.movies]))) return;
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
        const share = list.genre ? ` (${movie.share}% of ${number.format(movie.views)})` : "";
        row.append(link, element("span", ` ${number.format(movie.score)}${share}`));
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
    if (!report || !isNew(place, report.parts)) return;
    place.replaceChildren(...report.parts.map((part) => tableRow(table, [
      part.label, number.format(part.lists), number.format(part.movies), percent(part.coverage), percent(part.top_share),
      part.top_movie === null ? "none" : linked(`${page.dataset.movie}${part.top_movie}/change/`, part.title || `#${part.top_movie}`),
      number.format(part.profiles), age(part.median_age_seconds), age(part.oldest_age_seconds),
    ])));
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
    verdict(data);
    const computed = data.popularity_age_seconds;
    say("popularity_age", computed === null ? "" : `Computed ${age(computed)} ago.`);
    const hour = data.ingest.last_hour;
    say("last_hour", `${number.format(hour.messages)} messages, ${number.format(hour.events)} events, `
      + `${number.format(hour.views)} views, ${number.format(hour.skipped)} events skipped, ${number.format(hour.poison)} dead letters.`);

    draw("views", "bar", data.views.days.map((day) => day.slice(5)), data.genres.map((genre) => ({
      label: genre.label, data: data.views.series[genre.name], backgroundColor: genre.colour, stack: "all",
    })), axis("day (UTC)", { stacked: true }), axis("views", { stacked: true }));

    const rates = Object.entries(data.ingest.queues).sort();
    const lines = rates.length ? rates : [["no messages", data.ingest.minutes.map(() => 0)]];
    draw("ingest", "line", data.ingest.minutes, lines.map(([name, values], place) => ({
      label: name, data: values, ...line(place), pointStyle: "line", pointRadius: 0, tension: 0.2,
    })), axis("minute (UTC)"), axis("messages a minute", { ticks: { precision: 0 } }));

    queues(data.queues);
    experiment(data.experiment);
    concentration(data.concentration);
    tops(data.tops);
    say("state", `As of ${data.at}. Refreshes every ${page.dataset.seconds} s.`);
  }

  async function refresh() {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.address, { headers: { Accept: "application/json" } });
        if (!answer.ok || answer.redirected) throw new Error(`answer ${answer.status}`);
        show(await answer.json());
      } catch (error) {
        page.querySelector("[data-verdict]").dataset.state = "bad";
        say("sentence", `The service does not answer (${error.message}). What you see is from before.`);
      }
    }
    window.setTimeout(refresh, 1000 * Number(page.dataset.seconds));
  }

  page.querySelector("[data-print]").addEventListener("click", () => window.print());
  show(JSON.parse(document.getElementById("dashboard-data").textContent));
  window.setTimeout(refresh, 1000 * Number(page.dataset.seconds));
});
