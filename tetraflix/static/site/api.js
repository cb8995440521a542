// The home page's requests, and how it writes genres, times and numbers. Loaded before the other scripts.
"use strict";

const GENRES = JSON.parse(document.body.dataset.genres);
const GENRE = new Map(GENRES.map((genre) => [genre.name, genre]));
const LARGEST_ID = BigInt(document.body.dataset.largest);
const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]]; // as movies/foundation/times.py has them
const REFUSED = document.body.dataset.refused; // why this visitor may not read explanations; empty if they may
const byId = (id) => document.getElementById(id);
const newest = {}; // the last request of each place, so that a slower, older response is not drawn

// What a request answered, parsed and as text, because numbers above 2^53 are rounded here. `status` is 0 without a response, `detail` the reason that it failed.
async function ask(path) {
  const began = performance.now();
  try {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    const text = await answer.text();
    const took = performance.now() - began;
    const body = JSON.parse(text);
    const summary = `GET ${decodeURI(path)} · ${answer.status} · ${took.toFixed(0)} ms · ${(text.length / 1024).toFixed(1)} KB`;
    return answer.ok
      ? { status: answer.status, body, text, summary }
      : { status: answer.status, body: null, detail: body.detail, summary: `${summary} · ${body.detail}` };
  } catch {
    return { status: 0, body: null, detail: "No response.", summary: `GET ${decodeURI(path)} · no response` };
  }
}

// As `ask`, with the summary written at #asked-<place>; undefined if another request of the place followed.
async function request(place, path) {
  const own = (newest[place] = Symbol(path));
  const answer = await ask(path);
  if (newest[place] !== own) return undefined;
  const status = byId(`asked-${place}`);
  status.textContent = answer.summary;
  status.classList.toggle("bad", answer.body === null);
  return answer;
}

// The reason that the text is no user's id; empty if it is one.
function wrongUser(text) {
  const isId = /^[0-9]{1,19}$/.test(text) && BigInt(text) >= 1n && BigInt(text) <= LARGEST_ID;
  return isId ? "" : `A user is a whole number from 1 to ${LARGEST_ID}.`;
}

function strongest(profile) {
  return Object.entries(profile).filter(([, weight]) => weight > 0).sort((a, b) => b[1] - a[1]);
}

function breakdown(profile) {
  return strongest(profile).map(([name, weight]) => `${GENRE.get(name).label} ${weight}%`).join(", ");
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

// "2 min ago", with the time as its title.
function ago(iso) {
  const at = new Date(iso);
  const seconds = Math.max(0, Math.floor((Date.now() - at) / 1000));
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, "s"];
  const made = element("time", `${Math.floor(seconds / size)} ${unit} ago`);
  made.dateTime = iso;
  made.title = `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return made;
}

function number(value) {
  return value.toLocaleString("en");
}

function percent(share) {
  return `${Math.round(100 * share)}%`;
}

async function pause(milliseconds) {
  await new Promise((done) => window.setTimeout(done, milliseconds));
}
