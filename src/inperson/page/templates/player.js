// The page reads without its scripts. This one plays moments and follows the playhead.
// Text is only ever set as text: nothing from a recording, a file or a note is parsed as markup.
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const root = document.documentElement;
const duration = Number(root.dataset.duration);
const media = one("#media");
const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  const hours = Math.floor(tenths / 36000), minutes = Math.floor(tenths / 600) % 60, rest = tenths % 600;
  const tail = `${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
};
const make = (tag, text) => { const made = document.createElement(tag); made.textContent = text; return made; };
all("[data-needs-script]").forEach((part) => { part.hidden = false; });
all(".noscript").forEach((part) => { part.hidden = true; });

// ---- playing -----------------------------------------------------------------------------------------------------
const SHORTEST = 1.5;  // s; a shorter moment is played on this long, or nobody would hear it
let span = null;       // the chosen moment
let until = null;      // where playing stops, for a moment that is listened to
let looping = false;

const seek = (time) => { media.currentTime = Math.min(Math.max(time, 0), Math.max(duration, 0)); };
const start = () => { const begun = media.play(); if (begun) begun.catch(() => {}); };
const end = () => Math.max(span.end, span.start + SHORTEST);

const choose = (element) => {
  span = { start: Number(element.dataset.start), end: Number(element.dataset.end), id: element.dataset.go };
  until = null;
  seek(span.start);
  all(".current").forEach((part) => part.classList.remove("current"));
  all(`[data-go="${CSS.escape(span.id)}"].pin`).forEach((part) => part.classList.add("current"));
  const moment = document.getElementById(span.id);
  moment.classList.add("current");
  const label = one(".flagged", moment).textContent.trim();
  one("#chosen").textContent = `${label}, ${clock(span.start)} to ${clock(span.end)}: ${one(".note", moment).textContent}`;
  const also = all(".alternatives li", moment.closest(".finding"));
  const beside = one("#beside");
  beside.hidden = !also.length;
  const list = document.createElement("ul");
  list.append(...also.map((item) => make("li", item.textContent)));
  beside.replaceChildren(make("h2", "What else would explain it"), list);
  return moment;
};
const listen = (element) => { choose(element); until = end(); start(); };

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-go]");
  if (!target) return;
  event.preventDefault();
  if ("play" in target.dataset) { listen(target); return; }
  choose(target);
});
document.addEventListener("dblclick", (event) => {
  const target = event.target.closest(".pin");
  if (target) listen(target);
});

media.addEventListener("timeupdate", () => {
  if (!span || media.seeking) return;
  if (looping && (media.currentTime >= end() || media.currentTime < span.start - 0.3)) { seek(span.start); return; }
  if (until !== null && media.currentTime >= until) { until = null; media.pause(); }
});
media.addEventListener("ended", () => { if (looping && span) { seek(span.start); start(); } });
const playing = () => { one('[data-do="play"]').textContent = media.paused ? "Play" : "Pause"; };
["play", "pause", "emptied"].forEach((name) => media.addEventListener(name, playing));
media.addEventListener("error", () => {
  const missing = one("#nomedia");
  one("#unplayable").hidden = Boolean(missing && !missing.hidden);
  one(".more").open = true;
});
media.addEventListener("loadeddata", () => {
  const told = one("#soundonly");
  if (told) told.hidden = media.videoWidth > 0;
  one("#unplayable").hidden = true;
});
const head = one("#head"), ruler = one(".ruler .track"), lanes = one("#lanes");
const follow = () => {
  const time = media.currentTime;
  one("#now").textContent = clock(time);
  if (!duration || !media.currentSrc) { head.hidden = true; return; }
  const box = ruler.getBoundingClientRect(), whole = lanes.getBoundingClientRect();
  head.hidden = false;
  head.style.left = `${box.left - whole.left + box.width * Math.min(time / duration, 1)}px`;
};
let frame = 0;
const run = () => { follow(); if (!media.paused) frame = requestAnimationFrame(run); };
media.addEventListener("play", () => { cancelAnimationFrame(frame); run(); });
["seeked", "pause", "timeupdate", "loadedmetadata"].forEach((name) => media.addEventListener(name, follow));
addEventListener("resize", follow);

const load = (file) => {
  media.hidden = false;
  media.src = URL.createObjectURL(file);
  all(".nomedia").forEach((part) => { part.hidden = true; });
  one("#othersize").hidden = file.size === Number(one("#file").dataset.bytes);
};
one("#file").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); });

// ---- moments by key ----------------------------------------------------------------------------------------------
const pins = all(".pin").sort((a, b) => a.dataset.start - b.dataset.start || a.dataset.end - b.dataset.end);
pins.forEach((pin, i) => pin.setAttribute("tabindex", i ? "-1" : "0"));
const step = (by) => {
  if (!pins.length) return;
  const at = pins.findIndex((pin) => span && pin.dataset.go === span.id);
  const next = at < 0 ? (by > 0 ? 0 : pins.length - 1) : Math.min(Math.max(at + by, 0), pins.length - 1);
  choose(pins[next]);
  return pins[next];
};
lanes.addEventListener("keydown", (event) => {
  const at = pins.indexOf(event.target.closest(".pin"));
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (at < 0 || !by) return;
  event.preventDefault();
  event.stopPropagation();
  const next = pins[Math.min(Math.max(at + by, 0), pins.length - 1)];
  pins.forEach((pin) => pin.setAttribute("tabindex", pin === next ? "0" : "-1"));
  next.focus();
});
const readout = one("#readout"), silent = readout.textContent;
const say = (event) => {
  const about = event.target.closest("[data-says]");
  readout.textContent = about ? about.dataset.says : silent;
};
["mouseover", "focusin"].forEach((name) => document.addEventListener(name, (event) => {
  if (event.target.closest && event.target.closest("#lanes, .onsets")) say(event);
}));
lanes.addEventListener("mouseleave", () => { readout.textContent = silent; });
lanes.addEventListener("click", (event) => {
  const track = event.target.closest(".track");
  if (!track || event.target.closest("a") || !duration) return;
  const box = track.getBoundingClientRect();
  span = null; until = null;
  seek(duration * Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1));
});

const speeds = [1, 0.5, 0.25];
const actions = {
  play: () => { if (media.paused) start(); else media.pause(); },
  next: () => step(1),
  previous: () => step(-1),
  loop: () => {
    looping = !looping;
    one('[data-do="loop"]').setAttribute("aria-pressed", String(looping));
    if (looping && span) { until = null; seek(span.start); start(); }
  },
  slow: () => {
    media.playbackRate = media.defaultPlaybackRate = speeds[(speeds.indexOf(media.playbackRate) + 1) % speeds.length];
    one('[data-do="slow"]').textContent = `Speed ${{ 1: "1", 0.5: "½", 0.25: "¼" }[media.playbackRate]}×`;
  },
  print: () => print(),
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target;
  if (at.closest("input, textarea, select") || (event.key === " " && at.closest("button, summary, a, video, audio"))) return;
  const nudge = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (nudge && !at.closest("video, audio")) { seek(media.currentTime + nudge * (event.shiftKey ? 5 : 1)); event.preventDefault(); return; }
  const name = { " ": "play", j: "next", k: "previous", l: "loop", s: "slow", i: "in", o: "out" }[event.key.toLowerCase()];
  if (!name) return;
  event.preventDefault();
  actions[name]();
});

// ---- print -------------------------------------------------------------------------------------------------------
let opened = [];
addEventListener("beforeprint", () => { opened = all("main details:not([open])"); opened.forEach((part) => { part.open = true; }); });
addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });
if (media.getAttribute("src") && media.error) media.dispatchEvent(new Event("error"));
