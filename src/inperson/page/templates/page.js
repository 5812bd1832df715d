"use strict";
// The page reads without this script. It plays moments, follows the playhead and keeps the reviewer's record.
// Text is only ever set as text: nothing from a recording, a file or a note is parsed as markup.
(() => {
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
    if (!span) return;
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
    in: () => { pending = media.currentTime; one("#pending").textContent = `from ${clock(pending)}`; },
    out: () => {
      if (pending === null) { one("#pending").textContent = "Set the start first."; return; }
      const [from, to] = [pending, media.currentTime].sort((a, b) => a - b);
      pending = null;
      if (to - from < 0.05) { one("#pending").textContent = "Start and end are the same moment: play on, then set the end."; return; }
      one("#pending").textContent = "";
      state.spans.push([Number(from.toFixed(3)), Number(to.toFixed(3))]);
      changed();
    },
    sign: () => {
      const name = one("#reviewer").value.trim();
      if (!name) { one("#signed").textContent = "Name the reviewer first."; return; }
      state.signed = { by: name, at: new Date().toISOString() };
      changed();
    },
    export: () => save("review.json", JSON.stringify(record(), null, 2) + "\n", "application/json"),
    labels: () => save("labels.csv", table(), "text/csv"),
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

  // ---- the reviewer's record ---------------------------------------------------------------------------------------
  const place = `inperson-review:${root.dataset.sha256}`;
  const empty = () => ({ moments: {}, spans: [], labels: {}, note: "", reviewer: "", signed: null });
  let pending = null;
  let state = empty();
  const text = (value) => (typeof value === "string" ? value.slice(0, 20000) : "");
  const known = new Set(all(".moment").map((moment) => moment.dataset.key));
  const signals = new Set(all("[data-label]").map((select) => select.dataset.label));

  const take = (found) => {  // what was stored or opened may be anything
    const made = empty();
    if (typeof found !== "object" || found === null) return made;
    for (const [key, value] of Object.entries(found.moments || {})) {
      if (known.has(key) && value) made.moments[key] = { explained: value.explained === true, reason: text(value.reason), excluded: value.excluded === true };
    }
    for (const pair of Array.isArray(found.spans) ? found.spans : []) {
      if (Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite) && pair[0] >= 0 && pair[0] < pair[1]) made.spans.push([pair[0], pair[1]]);
    }
    for (const [signal, label] of Object.entries(found.labels || {})) {
      if (signals.has(signal) && ["bonafide", "spoof"].includes(label)) made.labels[signal] = label;
    }
    made.note = text(found.note);
    made.reviewer = text(found.reviewer);
    if (found.signed && text(found.signed.by)) made.signed = { by: text(found.signed.by), at: text(found.signed.at) };
    return made;
  };
  const keep = () => {
    try { localStorage.setItem(place, JSON.stringify(state)); return true; } catch { return false; }
  };
  const excluded = () => {
    const spans = state.spans.map((pair) => ({ start: pair[0], end: pair[1], own: pair }));
    for (const moment of all(".moment")) {
      if (state.moments[moment.dataset.key]?.excluded) {
        const time = one(".time", moment);
        spans.push({ start: Number(time.dataset.start), end: Number(time.dataset.end), key: moment.dataset.key, label: one(".flagged", moment).textContent });
      }
    }
    return spans.sort((a, b) => a.start - b.start || a.end - b.end);
  };
  const quoted = (word) => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  const show = () => {
    const spans = excluded();
    for (const moment of all(".moment")) {
      const own = state.moments[moment.dataset.key] || {};
      one('[data-decide="explained"]', moment).checked = Boolean(own.explained);
      one('[data-decide="excluded"]', moment).checked = Boolean(own.excluded);
      const reason = one('[data-decide="reason"]', moment);
      if (document.activeElement !== reason) reason.value = own.reason || "";
      const time = one(".time", moment);
      const inside = spans.some((part) => part.start <= Number(time.dataset.start) && Number(time.dataset.end) <= part.end);
      moment.classList.toggle("out", inside);
      all(`[data-go="${CSS.escape(moment.id)}"].pin`).forEach((pin) => pin.classList.toggle("out", inside));
    }
    const list = one("#exclusions"), lane = one("#excluded-lane");
    list.replaceChildren();
    lane.replaceChildren();
    for (const part of spans) {
      const item = make("li", `${clock(part.start)} to ${clock(part.end)}${part.label ? ` (${part.label})` : ""} `);
      const back = make("button", "Take back in");
      back.type = "button";
      back.addEventListener("click", () => {
        if (part.key) state.moments[part.key].excluded = false; else state.spans.splice(state.spans.indexOf(part.own), 1);
        changed();
      });
      item.append(back);
      list.append(item);
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [name, value] of Object.entries({ x: `${(100 * part.start) / duration}%`, width: `${(100 * (part.end - part.start)) / duration}%`, y: 4, height: 8 })) rect.setAttribute(name, value);
      lane.append(rect);
    }
    if (!spans.length) list.append(Object.assign(make("li", "Nothing is excluded."), { className: "quiet" }));
    const command = one("#command");
    one("#again").hidden = !spans.length;
    const option = spans.map((part) => `${part.start}-${part.end}`).join(",");
    command.value = `inperson check ${quoted(command.dataset.path)} --prior ${command.dataset.prior} --exclude ${option} --html without.html`;
    all("[data-label]").forEach((select) => { select.value = state.labels[select.dataset.label] || ""; });
    for (const [id, value] of [["#note", state.note], ["#reviewer", state.reviewer]]) if (document.activeElement !== one(id)) one(id).value = value;
    one("#signed").textContent = state.signed ? `Signed off by ${state.signed.by}, ${state.signed.at}` : "";
  };
  const changed = (signing = true) => {
    const kept = keep();
    one("#kept").textContent = kept
      ? "Kept in this browser on this computer; save it as JSON to pass it on."
      : "This browser keeps nothing for pages from disk: save the review as JSON before you close the page.";
    show();
  };
  const record = () => ({
    schema: "inperson/review/1",
    recording: { path: one("#command").dataset.path, sha256: root.dataset.sha256 },
    version: root.dataset.version,
    moments: all(".moment").filter((moment) => state.moments[moment.dataset.key]).map((moment) => {
      const time = one(".time", moment);
      return { key: moment.dataset.key, start: Number(time.dataset.start), end: Number(time.dataset.end), ...state.moments[moment.dataset.key] };
    }),
    excluded: excluded().map((part) => ({ start: part.start, end: part.end })),
    spans: state.spans,
    labels: state.labels,
    note: state.note,
    reviewer: state.reviewer,
    signed: state.signed,
  });
  const table = () => {
    const cell = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    const rows = Object.entries(state.labels).map(([signal, label]) => [one("#command").dataset.path, signal, label]);
    return [["path", "signal", "label"], ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
  };
  const save = (name, content, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
    one("#saved").textContent = `Saved as ${name} in the downloads folder.`;
  };
  document.addEventListener("input", (event) => {
    const at = event.target, moment = at.closest(".moment");
    if (moment && at.dataset.decide) {
      const own = state.moments[moment.dataset.key] ||= { explained: false, reason: "", excluded: false };
      if (at.dataset.decide === "reason") { own.reason = at.value; own.explained ||= at.value.trim() !== ""; } else own[at.dataset.decide] = at.checked;
    } else if (at.dataset.label !== undefined) {
      if (at.value) state.labels[at.dataset.label] = at.value; else delete state.labels[at.dataset.label];
    } else if (at.id === "note" || at.id === "reviewer") {
      state[at.id] = at.value;
    } else return;
    if (state.signed) state.signed = null;  // what was signed is not this any more
    changed();
  });
  one("#restore").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const told = one("#saved");
    try {
      if (file.size > 5e6) throw new Error("too large");
      const found = JSON.parse(await file.text());
      if (found.schema !== "inperson/review/1") throw new Error("another file");
      if (found.recording?.sha256 !== root.dataset.sha256) { told.textContent = "That review is of another recording."; return; }
      state = take({ ...found, moments: Object.fromEntries((found.moments || []).map((one) => [one.key, one])) });
      changed();
      told.textContent = "Review opened.";
    } catch { told.textContent = "That file is no review saved by this page."; }
  });
  let stored = null;
  try { stored = JSON.parse(localStorage.getItem(place)); } catch { /* none, or not allowed */ }
  state = take(stored);
  changed();

  // ---- print -------------------------------------------------------------------------------------------------------
  let opened = [];
  addEventListener("beforeprint", () => { opened = all("main details:not([open])"); opened.forEach((part) => { part.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });
  if (media.getAttribute("src") && media.error) media.dispatchEvent(new Event("error"));
})();
