// Sorts and filters the table; the page reads without it.
const body = document.querySelector("#table tbody");
const rows = [...body.rows].filter((row) => "name" in row.dataset);
const buttons = [...document.querySelectorAll("[data-sort]")];
document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
const value = (row, key) => (key === "name" ? row.dataset.name : row.dataset[key] === "" || row.dataset[key] === undefined ? null : Number(row.dataset[key]));
const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
const sort = (button) => {
  const key = button.dataset.sort, head = button.closest("th");
  const start = key === "name" ? "ascending" : "descending";
  const now = head.getAttribute("aria-sort");
  const next = now === "none" ? start : now === "ascending" ? "descending" : "ascending";
  buttons.forEach((other) => other.closest("th").setAttribute("aria-sort", "none"));
  head.setAttribute("aria-sort", next);
  const sign = next === "ascending" ? 1 : -1;
  rows.sort((a, b) => {
    const [x, y] = [value(a, key), value(b, key)];
    if (x === null || y === null) return (x === null) - (y === null);  // what was not measured comes last, either way
    return sign * compare(x, y);
  });
  body.append(...rows);
};
buttons.forEach((button) => { button.disabled = false; button.addEventListener("click", () => sort(button)); });
const name = document.querySelector("#name"), which = document.querySelector("#which"), least = document.querySelector("#least");
const filter = () => {
  const word = name.value.toLowerCase(), key = which.value === "" || which.value === "error" ? "highest" : `s${which.value}`;
  let shown = 0;
  for (const row of rows) {
    const measured = value(row, key);
    const fits = row.dataset.name.toLowerCase().includes(word)
      && (which.value === "" || (which.value === "error" ? "error" in row.dataset : measured !== null))
      && (least.value === "" || (measured !== null && measured >= Number(least.value)));
    row.hidden = !fits;
    shown += fits;
  }
  document.querySelector("#count").textContent = `${shown} of ${rows.length} shown`;
};
[name, which, least].forEach((part) => part.addEventListener("input", filter));
filter();
