"use strict";
// Tables can be sorted by their headings and filtered by text.
for (const section of document.querySelectorAll(".sheet")) {
  const body = section.querySelector("tbody");
  const heads = [...section.querySelectorAll("th")];
  const value = (row, i) => row.cells[i].dataset.sort ?? row.cells[i].textContent;
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what is unknown comes last
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, undefined, {numeric: true}) : x - y;
  };
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows];
      rows.sort((r, s) => {
        const a = value(r, i), b = value(s, i);
        return down && a !== "" && b !== "" ? compare(b, a) : compare(a, b);
      });
      body.append(...rows);
    });
  });
  const label = document.createElement("label");
  label.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "Filter";
  input.setAttribute("aria-label", "Filter " + section.querySelector("h2").textContent);
  const count = section.querySelector(".count");
  const all = count.textContent;
  count.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    let shown = 0;
    for (const row of body.rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown++;
    }
    count.textContent = wanted === "" ? all : shown + " of " + all;
  });
  label.append(input);
  section.querySelector(".scroll").before(label);
}
