// The tables: the same as the template in page.html writes, kept up to date row
// by row. Text only ever becomes text: nothing here parses HTML.

const fade = 700; // ms that a row which is gone stays
const told = 3;   // changes of one kind that are told one by one

const shownRows = new WeakMap(); // a row's element to what it shows

function parts(list) {
  const nodes = [];
  for (const part of list ?? []) {
    const node = document.createElement(part.kind === "code" ? "code" : "span");
    const pieces = ["name", "code"].includes(part.kind) ? part.text.split(/(?<=_)/) : [part.text]; // long names break there
    pieces.forEach((piece, i) => node.append(...(i ? [document.createElement("wbr")] : []), piece));
    if (part.kind === "tag") node.title = part.text; // it may be cut
    node.className = [part.kind === "code" ? "" : part.kind, part.tone].filter(Boolean).join(" ");
    if (nodes.length) nodes.push(" ");
    nodes.push(node);
  }
  return nodes;
}

const words = cell => (cell ?? []).map(part => part.text).join(" ");

function fill(tr, row, columns) {
  tr.dataset.key = row.key;
  tr.replaceChildren(...row.cells.map((cell, i) => {
    const td = document.createElement("td"), inner = document.createElement("div");
    td.dataset.label = columns[i];
    inner.append(...parts(cell));
    td.append(inner);
    return td;
  }));
}

function glow(tr) {
  tr.classList.remove("fresh");
  void tr.offsetWidth; // starts the animation anew
  tr.classList.add("fresh");
}

function leave(tr) {
  tr.removeAttribute("data-key");
  tr.classList.add("leaving");
  setTimeout(() => tr.remove(), fade);
}

// difference says what of a row has changed, column by column.
function difference(before, row, columns) {
  return columns.flatMap((column, i) => {
    const old = words(before.cells[i]), now = words(row.cells[i]);
    return old === now ? [] : [`${row.label}: ${column.toLowerCase()} ${old} → ${now}`];
  });
}

function summed(list, noun, verb, label) {
  if (list.length > told) return [`${list.length} ${noun}s ${verb}`];
  return list.map(row => `${noun} ${label(row)} ${verb}`);
}

function showRows(body, section, live) {
  const old = new Map([...body.querySelectorAll("tr[data-key]")].map(tr => [tr.dataset.key, tr]));
  const added = [], changed = [], removed = [], kept = new Set((section.rows ?? []).map(row => row.key));
  for (const [key, tr] of old) {
    if (kept.has(key)) continue;
    removed.push(shownRows.get(tr) ?? { label: key });
    if (live) leave(tr);
    else tr.remove();
  }
  let place = body.firstElementChild;
  for (const row of section.rows ?? []) {
    let tr = old.get(row.key);
    const before = tr && shownRows.get(tr);
    if (!tr) {
      tr = document.createElement("tr");
      added.push(row);
    }
    if (JSON.stringify(before) !== JSON.stringify(row)) {
      fill(tr, row, section.columns);
      if (before) changed.push(...difference(before, row, section.columns));
      if (live) glow(tr);
      shownRows.set(tr, row);
    }
    while (place?.classList.contains("leaving")) place = place.nextElementSibling;
    if (tr === place) place = place.nextElementSibling;
    else body.insertBefore(tr, place);
  }
  if (!live || !section.noun) return [];
  return [
    ...summed(removed, section.noun, "removed", row => row.label),
    ...summed(added, section.noun, "added", row => row.label),
    ...(changed.length > told ? [`${changed.length} changes of ${section.noun}s`] : changed),
  ];
}

function create(section) {
  const box = document.createElement("section"), title = document.createElement("h2");
  box.id = section.id;
  title.id = section.id + "-title";
  box.setAttribute("aria-labelledby", title.id);
  const note = document.createElement("p"), rows = document.createElement("div"), table = document.createElement("table");
  note.className = "note";
  rows.className = "rows";
  const head = table.createTHead().insertRow();
  for (const column of section.columns ?? []) {
    const th = document.createElement("th");
    th.scope = "col";
    th.textContent = column;
    head.append(th);
  }
  table.createTBody();
  rows.append(table);
  box.append(title, note, rows);
  for (const name of ["empty", "more"]) {
    const line = document.createElement("p");
    line.className = name;
    box.append(line);
  }
  return box;
}

function showSection(box, section, live) {
  const rows = box.querySelector(".rows"), table = box.querySelector("table"), count = section.rows?.length ?? 0;
  box.querySelector("h2").textContent = section.title;
  const note = box.querySelector(".note");
  note.replaceChildren(...parts(section.note));
  note.hidden = !section.note;
  const news = showRows(table.tBodies[0], section, live);
  table.hidden = count === 0 && news.length === 0;
  const scrolls = count > 12;
  rows.classList.toggle("scrolls", scrolls);
  if (scrolls) {
    rows.tabIndex = 0;
    rows.setAttribute("role", "region");
    rows.setAttribute("aria-labelledby", section.id + "-title");
  } else {
    for (const name of ["tabindex", "role", "aria-labelledby"]) rows.removeAttribute(name);
  }
  const empty = box.querySelector(".empty"), more = box.querySelector(".more");
  empty.textContent = section.empty;
  empty.hidden = count > 0;
  more.textContent = `and ${section.more} more`;
  more.hidden = !section.more;
  return news;
}

// showSections brings all tables up to date and says in words what has changed.
export function showSections(sections, wide, aside, live) {
  const news = [], kept = new Set(sections.map(s => s.id));
  for (const column of [wide, aside]) {
    for (const box of [...column.children]) if (!kept.has(box.id)) box.remove();
  }
  const places = new Map([[wide, wide.firstElementChild], [aside, aside.firstElementChild]]);
  for (const section of sections) {
    const column = section.aside ? aside : wide;
    const box = document.getElementById(section.id) ?? create(section);
    if (box === places.get(column)) places.set(column, box.nextElementSibling);
    else column.insertBefore(box, places.get(column));
    news.push(...showSection(box, section, live));
  }
  return news;
}
