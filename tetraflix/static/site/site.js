// The home page: calls the API and draws its responses. Text is inserted as text, never as HTML.
"use strict";

const GENRES = JSON.parse(document.body.dataset.genres);
const GENRE = new Map(GENRES.map((genre) => [genre.name, genre]));
const byId = (id) => document.getElementById(id);
const newest = {}; // the last request of each place, so that a slower, older response is not drawn
const FOLLOW_MS = 2000; // between two requests for the shown user's lists, while the page can be seen
let shownUser = null; // once their lists are drawn
let drawn = ""; // these lists, as JSON

async function request(place, path) {
  const own = (newest[place] = Symbol(path));
  const status = byId(`asked-${place}`);
  const began = performance.now();
  let body = null;
  let summary;
  try {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    const text = await answer.text();
    const took = performance.now() - began;
    body = JSON.parse(text);
    summary = `GET ${decodeURI(path)} · ${answer.status} · ${took.toFixed(0)} ms · ${(text.length / 1024).toFixed(1)} KB`;
    if (!answer.ok) {
      summary += ` · ${body.detail}`;
      body = null;
    }
  } catch {
    summary = `GET ${decodeURI(path)} · no response`;
  }
  if (newest[place] !== own) return undefined;
  status.textContent = summary;
  status.classList.toggle("bad", body === null);
  return body;
}

function strongest(profile) {
  return Object.entries(profile).filter(([, weight]) => weight > 0).sort((a, b) => b[1] - a[1]);
}

function card(movie) {
  const item = byId("card").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(`.${name}`);
  item.dataset.movie = movie.id;
  const genres = strongest(movie.profile);
  const shades = genres.slice(0, 3).map(([name]) => GENRE.get(name).colour);
  part("poster").style.background =
    shades.length === 1 ? shades[0] : `linear-gradient(${120 + (movie.id % 5) * 18}deg, ${shades.join(", ")})`;
  part("letter").textContent = [...movie.title][0].toUpperCase();
  part("genre").textContent = genres.slice(0, 2).map(([name]) => GENRE.get(name).label).join(" · ");
  part("title").textContent = movie.title;
  part("title").title = movie.title;
  const breakdown = genres.map(([name, weight]) => `${GENRE.get(name).label} ${weight}%`).join(", ");
  part("bar").setAttribute("aria-label", breakdown);
  part("bar").title = breakdown;
  for (const [name, weight] of genres) {
    const slice = document.createElement("span");
    slice.style.width = `${weight}%`;
    slice.style.background = GENRE.get(name).colour;
    part("bar").append(slice);
  }
  part("note").textContent = `#${movie.id}`;
  if (movie.progress > 0) {
    const percent = Math.round(movie.progress * 100);
    part("progress").hidden = false;
    part("progress").firstElementChild.style.width = `${percent}%`;
    part("note").textContent = `#${movie.id} · ${percent}% watched`;
  }
  return item;
}

function cards(movies, whenEmpty) {
  if (movies.length > 0) return movies.map(card);
  const item = document.createElement("li");
  item.className = "empty";
  item.textContent = whenEmpty;
  return [item];
}

function draw(row, movies, whenEmpty) {
  const list = byId(`row-${row}`).querySelector(".cards");
  list.replaceChildren(...cards(movies, whenEmpty));
  list.scrollLeft = 0;
}

// Draws a row again where it is: it keeps its place and the focus, and what it did not show before is marked.
function redraw(row, movies, whenEmpty) {
  const list = byId(`row-${row}`).querySelector(".cards");
  const before = new Set([...list.querySelectorAll("[data-movie]")].map((item) => item.dataset.movie));
  const items = cards(movies, whenEmpty);
  for (const item of items) item.classList.toggle("new", "movie" in item.dataset && !before.has(item.dataset.movie));
  const place = list.scrollLeft;
  list.replaceChildren(...items);
  list.scrollLeft = place;
}

function drawUser(lists, how) {
  how("recommendations", lists ? lists.recommendations : [], "Nothing to recommend.");
  how("watching", lists ? lists.currentlyWatching : [], "Nothing to continue.");
  drawn = JSON.stringify(lists);
}

async function showUser(user) {
  shownUser = null;
  byId("user").value = user;
  byId("row-recommendations").querySelector("[data-who]").textContent = `user ${user}`;
  const lists = await request("user", listsOf(user));
  if (lists === undefined) return;
  drawUser(lists, draw);
  shownUser = lists && user;
}

function listsOf(user) {
  return `/tetraflix/recommendations/${encodeURIComponent(user)}`;
}

// Asks again for the shown user's lists, and draws what has changed. A failure leaves the page as it is.
async function follow() {
  const user = shownUser;
  if (user !== null && !document.hidden) {
    try {
      const answer = await fetch(listsOf(user), { headers: { Accept: "application/json" } });
      const lists = answer.ok ? await answer.json() : null;
      if (lists && shownUser === user && JSON.stringify(lists) !== drawn) {
        drawUser(lists, redraw);
        byId("asked-user").textContent = `The lists changed at ${new Date().toLocaleTimeString()}.`;
      }
    } catch {
      // the next request may succeed
    }
  }
  window.setTimeout(follow, FOLLOW_MS);
}

async function showGenre(genre) {
  byId("row-genre").querySelector("[data-what]").textContent = GENRE.get(genre).label;
  for (const chip of document.querySelectorAll("[data-genre]")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.genre === genre));
  }
  const found = await request("genre", `/tetraflix/genre/${genre}`);
  if (found !== undefined) draw("genre", found ? found.genre : [], "No movie of this genre.");
}

async function showSearch(q) {
  byId("row-search").hidden = q === "";
  if (q === "") return;
  byId("row-search").querySelector("[data-what]").textContent = q;
  const found = await request("search", `/tetraflix/movies?q=${encodeURIComponent(q)}`);
  if (found !== undefined) draw("search", found ? found.movies : [], "No movie has a similar title.");
}

// The URL holds the state of the page, so that it can be bookmarked and shared.
function shown() {
  return new URLSearchParams(location.hash.slice(1));
}

function show(name, value) {
  const state = shown();
  state.set(name, value);
  history.replaceState(null, "", `#${state}`);
  ({ user: showUser, genre: showGenre, q: showSearch })[name](value);
}

byId("user-form").addEventListener("submit", (event) => {
  event.preventDefault();
  show("user", byId("user").value.trim());
});
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  show("q", byId("q").value.trim());
});
byId("q").addEventListener("search", () => show("q", byId("q").value.trim()));
document.addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (chip?.dataset.user) show("user", chip.dataset.user);
  if (chip?.dataset.genre) show("genre", chip.dataset.genre);
});
for (const swatch of document.querySelectorAll(".swatch")) swatch.style.background = swatch.dataset.colour;

window.setTimeout(follow, FOLLOW_MS);

const first = shown();
const genre = first.get("genre");
showUser(first.get("user") || byId("user").value);
showGenre(GENRE.has(genre) ? genre : GENRES[0].name);
if (first.get("q")) {
  byId("q").value = first.get("q");
  showSearch(first.get("q"));
}
