// Rows of cards: drawing them, moving within them by arrow keys and buttons. Text is inserted as text, never as HTML.
"use strict";

// The poster of a movie: its strongest genres' colours, and the pattern of the strongest one.
function paint(poster, movie) {
  const genres = strongest(movie.profile);
  const shades = genres.slice(0, 3).map(([name]) => GENRE.get(name).colour);
  if (shades.length === 1) shades.push(shades[0]);
  poster.style.setProperty("--angle", `${125 + (movie.id % 7) * 15}deg`);
  poster.style.setProperty("--shades", shades.join(", "));
  poster.style.setProperty("--x", `${20 + ((movie.id * 37) % 60)}%`);
  poster.style.setProperty("--y", `${12 + ((movie.id * 53) % 30)}%`);
  poster.dataset.art = genres[0][0];
}

function fillBar(bar, profile) {
  bar.replaceChildren();
  bar.setAttribute("aria-label", breakdown(profile));
  bar.title = breakdown(profile);
  for (const [name, weight] of strongest(profile)) {
    const slice = document.createElement("span");
    slice.style.width = `${weight}%`;
    slice.style.background = GENRE.get(name).colour;
    bar.append(slice);
  }
}

function card(movie) {
  const item = byId("card").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(`.${name}`);
  item.dataset.movie = movie.id;
  paint(part("poster"), movie);
  part("genre").textContent = strongest(movie.profile).slice(0, 2).map(([name]) => GENRE.get(name).label).join(" · ");
  part("title").textContent = movie.title;
  part("tile").title = `${movie.title}: why is this here?`;
  fillBar(part("bar"), movie.profile);
  part("note").textContent = `#${movie.id}`;
  if (movie.progress > 0) {
    part("progress").hidden = false;
    part("progress").firstElementChild.style.width = percent(movie.progress);
    part("note").textContent = `#${movie.id} · ${percent(movie.progress)} watched`;
  }
  item.movie = movie;
  return item;
}

const row = (name) => byId(`row-${name}`);
const tiles = (list) => [...list.querySelectorAll(".tile")];

function show(name, visible) {
  row(name).hidden = !visible;
}

// Draws a row from its beginning. Without movies it says why, or is hidden if `whenEmpty` is empty.
function draw(name, movies, whenEmpty = "") {
  const list = row(name).querySelector(".cards");
  list.replaceChildren(...(movies.length || !whenEmpty ? movies.map(card) : [element("li", whenEmpty, "empty")]));
  show(name, movies.length > 0 || whenEmpty !== "");
  list.scrollLeft = 0;
  settle(list);
}

// Draws a row again where it is: it keeps its place and the focus, and what it did not show before is marked.
function redraw(name, movies, whenEmpty = "") {
  const list = row(name).querySelector(".cards");
  const before = new Set([...list.querySelectorAll("[data-movie]")].map((item) => item.dataset.movie));
  const focused = list.contains(document.activeElement) ? document.activeElement.closest(".card") : null;
  const index = focused ? [...list.children].indexOf(focused) : -1;
  const place = list.scrollLeft;
  draw(name, movies, whenEmpty);
  for (const item of list.querySelectorAll("[data-movie]")) item.classList.toggle("new", !before.has(item.dataset.movie));
  list.scrollLeft = place;
  if (focused) {
    const same = list.querySelector(`[data-movie="${focused.dataset.movie}"] .tile`);
    focusTile(list, same ?? tiles(list)[Math.min(index, tiles(list).length - 1)], { preventScroll: true });
  }
}

// One card of a row can be reached by Tab, the others from there by the arrow keys.
function focusTile(list, tile, options) {
  if (!tile) return;
  for (const other of tiles(list)) other.tabIndex = other === tile ? 0 : -1;
  tile.focus(options);
}

function settle(list) {
  const [first] = tiles(list);
  if (first && !tiles(list).some((tile) => tile.tabIndex === 0)) first.tabIndex = 0;
  settleArrows(list);
}

// Arrow buttons are there when the row is wider than the window, and off at its ends.
function settleArrows(list) {
  const arrows = list.closest(".row").querySelector(".arrows");
  const end = list.scrollWidth - list.clientWidth;
  arrows.hidden = end < 8;
  for (const arrow of arrows.children) {
    arrow.disabled = arrow.dataset.step < 0 ? list.scrollLeft < 8 : list.scrollLeft > end - 8;
  }
}

document.addEventListener("keydown", (event) => {
  const tile = event.target.closest?.(".tile");
  if (!tile || event.altKey || event.ctrlKey || event.metaKey) return;
  const list = tile.closest(".cards");
  const all = tiles(list);
  const at = all.indexOf(tile);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  focusTile(list, all[Math.max(0, Math.min(to, all.length - 1))]);
});

document.addEventListener("focusin", (event) => {
  const tile = event.target.closest?.(".tile");
  if (tile) for (const other of tiles(tile.closest(".cards"))) other.tabIndex = other === tile ? 0 : -1;
});

document.addEventListener("click", (event) => {
  const arrow = event.target.closest(".arrow");
  if (!arrow) return;
  const list = arrow.closest(".row").querySelector(".cards");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  list.scrollBy({ left: arrow.dataset.step * list.clientWidth * 0.85, behavior: still ? "auto" : "smooth" });
});

for (const list of document.querySelectorAll(".cards")) {
  list.addEventListener("scroll", () => settleArrows(list), { passive: true });
  new ResizeObserver(() => settleArrows(list)).observe(list);
}
for (const swatch of document.querySelectorAll(".swatch")) swatch.style.background = swatch.dataset.colour;
