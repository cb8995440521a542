// The panel that says why a movie is where it is, with the JSON that says so beside it.
"use strict";

const WAIT_MS = 1000; // before a score is asked for again that was not ready
const TRIES = 20;
const panel = byId("why");
const inPanel = (name) => panel.querySelector(name);
let explained = ""; // what is shown: user, row and movie

// What the row itself says about its movie at a place (from 1); the server says the rest.
function ofRow(name, place, movie, weight) {
  const heading = row(name).querySelector("h2").textContent;
  const genre = GENRE.get(row(name).dataset.genre);
  if (name === "search") return `${heading}: its title is similar.`;
  if (name === "like") return `${heading}: among the 100 movies whose genres are nearest to it, number ${place} by views.`;
  if (genre) {
    return `Number ${place} of the most popular in ${genre.label}: ${number(movie.views)} views × ${weight}% ${genre.label}.`;
  }
  return "";
}

async function openWhy(user, name, movieId) {
  const key = `${user} ${name} ${movieId}`;
  if (explained === key && panel.open) return;
  explained = key;
  const items = [...row(name).querySelectorAll("[data-movie]")];
  const place = items.findIndex((item) => item.dataset.movie === movieId) + 1;
  beginPanel(user, movieId, items[place - 1]?.movie);
  if (!panel.open) panel.showModal();
  if (REFUSED) return refusePanel();
  for (let tried = 0; tried < TRIES && explained === key && panel.open; tried += 1) {
    const answer = await request("why", `/site/why/${encodeURIComponent(user)}/${encodeURIComponent(movieId)}`);
    if (explained !== key || answer === undefined) return;
    drawPanel(answer, name, place);
    if (!answer.body?.scorePending) return;
    await pause(WAIT_MS);
  }
}

function refusePanel() {
  inPanel(".wrong").textContent = REFUSED;
  inPanel(".why-json").hidden = true;
}

function beginPanel(user, movieId, movie) {
  inPanel("h2").textContent = movie?.title ?? `Movie ${movieId}`;
  inPanel(".why-facts").replaceChildren(`#${movieId}`);
  inPanel(".why-because").replaceChildren();
  inPanel(".wrong").textContent = "";
  inPanel("pre").textContent = "";
  inPanel(".why-score").hidden = inPanel(".why-left-out").hidden = true;
  if (movie) paint(inPanel(".why-poster"), movie);
  const [admin, api] = panel.querySelectorAll(".why-more a");
  admin.href = `/admin/recommendations/userlists/${user}/?movie=${movieId}`;
  api.href = `/tetraflix/movies/${movieId}`;
}

function drawPanel({ body, text, detail }, name, place) {
  inPanel("pre").textContent = body ? text : "";
  inPanel(".wrong").textContent = body ? "" : detail;
  if (!body) return;
  const { movie, list } = body;
  paint(inPanel(".why-poster"), movie);
  inPanel("h2").textContent = movie.title;
  const facts = [`#${movie.id}`, `${number(movie.views)} views`];
  if (list?.place) facts.push(`number ${list.place} of ${list.length} in the list`);
  inPanel(".why-facts").replaceChildren(facts.join(" · "));
  if (list) inPanel(".why-facts").append(" · list made ", ago(list.asOf));
  const own = place > 0 ? ofRow(name, place, movie, movie.profile[row(name).dataset.genre] ?? 0) : "";
  const sentences = [own, ...body.because].filter(Boolean);
  inPanel(".why-because").replaceChildren(...sentences.map((sentence) => element("li", sentence)));
  drawScore(body);
  drawLeftOut(body);
}

function drawScore({ score, list }) {
  inPanel(".why-score").hidden = score === null;
  if (score === null) return;
  const made = list?.madeBy === score.strategy ? "The list is made" : "Our recommender scores";
  inPanel(".why-summary").textContent = `${made} by the strategy ${score.strategy}: ${score.rule}`;
  const most = Math.max(0.01, ...score.terms.flatMap(({ taste, profile }) => [taste, profile]));
  const terms = [...score.terms].sort((a, b) => (b.share ?? 0) - (a.share ?? 0) || b.profile - a.profile || b.taste - a.taste);
  inPanel(".why-score tbody").replaceChildren(...terms.map((term) => termRow(term, most)));
}

function termRow({ genre, taste, profile, share }, most) {
  const { label, colour } = GENRE.get(genre);
  const made = document.createElement("tr");
  made.classList.toggle("nothing", !share);
  const heading = element("th", label);
  heading.scope = "row";
  const bars = document.createElement("td");
  bars.className = "bars";
  for (const [kind, value] of [["taste", taste], ["movie", profile]]) {
    const line = element("span", "", `line line-${kind}`);
    const filled = element("span", "", "filled");
    filled.style.width = `${(100 * value) / most}%`;
    if (kind === "movie") filled.style.background = colour;
    if (value > 0) line.append(filled, element("span", percent(value), "value"));
    bars.append(line);
  }
  made.append(heading, bars, element("td", share === null ? "" : percent(share), "number"));
  return made;
}

function drawLeftOut({ leftOutBefore, leftOutCount }) {
  inPanel(".why-left-out").hidden = leftOutCount === 0;
  const items = leftOutBefore.map(({ id, title, why }) => {
    const item = element("li");
    item.append(element("b", title ?? `Movie ${id}`), `: ${why}.`);
    return item;
  });
  if (leftOutCount > items.length) items.push(element("li", `And ${number(leftOutCount - items.length)} more.`));
  inPanel(".why-left-out ul").replaceChildren(...items);
}

inPanel(".close").addEventListener("click", () => panel.close());
panel.addEventListener("click", (event) => {
  if (event.target === panel) panel.close(); // the backdrop
});
