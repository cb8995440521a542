// The home page: what it shows is in its address, so that Back works and it can be shared.
"use strict";

const FOLLOW_MS = 2000; // between two requests for what changes by itself, while the page can be seen
const ROWS_TRIES = 15; // while the server loads the movies
const TOPS = ["top-1", "top-2", "top-3"];
let shownUser = null; // once their lists are drawn
let drawn = ""; // these lists, as JSON
let applied = {}; // the state that is shown
let asking = 0; // counts the users that were shown, so that rows of an earlier one are not drawn

const listsOf = (user) => `/tetraflix/recommendations/${encodeURIComponent(user)}`;

function drawUser(lists, how) {
  how("recommendations", lists ? lists.recommendations : [], "Nothing to recommend.");
  how("watching", lists ? lists.currentlyWatching : []);
  drawHero(lists?.recommendations[0]);
  drawn = JSON.stringify(lists);
}

function drawHero(movie) {
  const hero = byId("hero");
  hero.hidden = !movie;
  if (!movie) return;
  const part = (name) => hero.querySelector(name);
  paint(part(".hero-art"), movie);
  part("h2").textContent = movie.title;
  part(".eyebrow").textContent = `First for user ${applied.user}`;
  part(".hero-genres").textContent = breakdown(movie.profile).replaceAll(", ", " · ");
  fillBar(part(".bar"), movie.profile);
  part("[data-why]").dataset.why = movie.id;
}

async function showUser(user) {
  shownUser = null;
  const own = (asking += 1);
  byId("user").value = user;
  const wrong = wrongUser(user);
  byId("user-error").textContent = wrong;
  byId("user").setAttribute("aria-invalid", String(wrong !== ""));
  for (const chip of document.querySelectorAll("[data-user]")) chip.setAttribute("aria-pressed", String(chip.dataset.user === user));
  if (wrong) return;
  byId("h-recommendations").textContent = `Recommended for user ${user}`;
  const further = drawFurther(user, own);
  const answer = await request("recommendations", listsOf(user));
  if (answer === undefined || own !== asking) return;
  drawUser(answer.body, draw);
  shownUser = answer.body && user;
  openAsked();
  await further;
  if (own === asking) openAsked({ anyway: true });
}

// The rows that only those see who may read why: movies like the last finished one, and the user's top genres.
async function drawFurther(user, own, how = draw) {
  if (REFUSED) return;
  for (let tried = 0; tried < ROWS_TRIES; tried += 1) {
    const answer = await request("like", `/site/rows/${encodeURIComponent(user)}`);
    if (answer === undefined || own !== asking) return;
    if (answer.status !== 503) {
      if (answer.body) drawLike(answer.body, user, how);
      else for (const name of ["like", ...TOPS]) show(name, false);
      if (answer.body && how === draw) await Promise.all(TOPS.map((name, place) => drawTop(name, answer.body.genres[place], user, own)));
      openAsked();
      return;
    }
    await pause(1000);
  }
}

function drawLike({ finished, like }, user, how) {
  if (finished) byId("h-like").textContent = `Because user ${user} finished “${finished.title}”`;
  how("like", like);
}

async function drawTop(name, top, user, own) {
  if (!top) return show(name, false);
  const { label } = GENRE.get(top.genre);
  row(name).dataset.genre = top.genre;
  byId(`h-${name}`).textContent = `Popular in ${label}`;
  row(name).querySelector(".row-note").textContent = `${percent(top.share)} of what user ${user} likes`;
  const answer = await request(name, `/tetraflix/genre/${top.genre}`);
  if (answer !== undefined && own === asking) draw(name, answer.body?.genre ?? []);
}

async function showGenre(genre) {
  row("genre").dataset.genre = genre;
  byId("h-genre").textContent = `Popular in ${GENRE.get(genre).label}`;
  for (const chip of document.querySelectorAll("[data-genre].chip")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.genre === genre));
  }
  const answer = await request("genre", `/tetraflix/genre/${genre}`);
  if (answer === undefined) return;
  draw("genre", answer.body?.genre ?? [], "No movie of this genre.");
  openAsked();
}

async function showSearch(q) {
  byId("q").value = q;
  show("search", false);
  if (q === "") return;
  byId("h-search").textContent = `Found for “${q}”`;
  const answer = await request("search", `/tetraflix/movies?q=${encodeURIComponent(q)}`);
  if (answer === undefined || applied.q !== q) return;
  draw("search", answer.body?.movies ?? [], "No movie has a similar title.");
  openAsked();
}

// The panel opens once the row is drawn that it is about, at the latest when all are.
function openAsked({ anyway = false } = {}) {
  const [name, movie] = (applied.why ?? "").split(".");
  if (!movie || !row(name)) return panel.close();
  if (anyway || row(name).querySelector(`[data-movie="${CSS.escape(movie)}"]`)) openWhy(applied.user, name, movie);
}

// Asks again for the shown user's lists, and draws what has changed. A failure leaves the page as it is.
async function follow() {
  if (!document.hidden) {
    const user = shownUser;
    const [live, lists] = await Promise.all([ask("/site/live"), user === null ? null : ask(listsOf(user))]);
    if (live.body) countTo(live.body.viewsToday);
    if (lists?.body && shownUser === user && JSON.stringify(lists.body) !== drawn) {
      drawUser(lists.body, redraw);
      const now = new Date().toISOString().slice(11, 19);
      byId("asked-recommendations").textContent = `The lists changed at ${now} UTC.`;
      drawFurther(user, asking, redraw);
    }
  }
  window.setTimeout(follow, FOLLOW_MS);
}

function countTo(views) {
  const place = byId("live").querySelector("b");
  byId("live").hidden = false;
  if (place.textContent !== number(views)) {
    byId("live").classList.toggle("ticked", place.textContent !== "");
    window.setTimeout(() => byId("live").classList.remove("ticked"), 600);
  }
  place.textContent = number(views);
}

function asked() {
  const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return {
    user: state.user || byId("user").defaultValue,
    genre: GENRE.has(state.genre) ? state.genre : GENRES[0].name,
    q: state.q ?? "",
    why: state.why ?? "",
  };
}

// Shows the state of the address: only what differs from what is shown.
function apply() {
  const before = applied;
  applied = asked();
  if (applied.user !== before.user) showUser(applied.user);
  if (applied.genre !== before.genre) showGenre(applied.genre);
  if (applied.q !== before.q) showSearch(applied.q);
  openAsked();
}

function go(changes) {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value) state.set(name, value);
    else state.delete(name);
  }
  const target = state.size ? `#${state}` : location.pathname;
  if (target !== (location.hash || location.pathname)) history.pushState({ within: true }, "", target);
  apply();
}

byId("user-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const user = byId("user").value.trim();
  const wrong = wrongUser(user);
  byId("user-error").textContent = wrong;
  byId("user").setAttribute("aria-invalid", String(wrong !== ""));
  if (!wrong) go({ user, why: "" });
});
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  go({ q: byId("q").value.trim(), why: "" });
});
byId("q").addEventListener("search", () => go({ q: byId("q").value.trim() }));
document.addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  const chip = event.target.closest(".chip");
  const why = event.target.closest("[data-why]");
  if (tile) go({ why: `${tile.closest(".row").id.slice("row-".length)}.${tile.closest(".card").dataset.movie}` });
  if (why) go({ why: `recommendations.${why.dataset.why}` });
  if (chip?.dataset.user) go({ user: chip.dataset.user, why: "" });
  if (chip?.dataset.genre) go({ genre: chip.dataset.genre });
  if (chip?.dataset.q) go({ q: chip.dataset.q });
});
panel.addEventListener("close", () => {
  if (!applied.why) return;
  applied.why = ""; // the address follows a moment later
  if (history.state?.within) history.back();
  else go({ why: "" });
});
window.addEventListener("popstate", apply);

apply();
follow();
