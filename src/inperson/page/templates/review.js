// The reviewer's record: kept in the browser, saved as JSON. Stands behind player.js, in the same function.
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
      state.signed = null;
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
const changed = () => {
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
Object.assign(actions, {
  in: () => { pending = media.currentTime; one("#pending").textContent = `from ${clock(pending)}`; },
  out: () => {
    if (pending === null) { one("#pending").textContent = "Set the start first."; return; }
    const [from, to] = [pending, media.currentTime].sort((a, b) => a - b);
    pending = null;
    if (to - from < 0.05) { one("#pending").textContent = "Start and end are the same moment: play on, then set the end."; return; }
    one("#pending").textContent = "";
    state.signed = null;
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
});
let stored = null;
try { stored = JSON.parse(localStorage.getItem(place)); } catch { /* none, or not allowed */ }
state = take(stored);
changed();
