// The picture of one router: the router above, its subnet as a bar below, and on
// the bar the nodes, each with the routes that lead to it on its wire. Many
// nodes become tiles. See pagePicture in page_picture.go for the model.

const NS = "http://www.w3.org/2000/svg";
const fade = 700; // ms that a node which is gone stays

const brush = document.createElement("canvas").getContext("2d");
const fonts = { plain: "600 13px", mono: "12px", small: "10.5px" };
let families = null; // as the style sheet has them

function widthOf(content, kind) {
  if (!families) {
    const style = getComputedStyle(document.documentElement);
    families = { mono: style.getPropertyValue("--mono"), plain: getComputedStyle(document.body).fontFamily };
  }
  brush.font = `${fonts[kind]} ${kind === "mono" ? families.mono : families.plain}`;
  return brush.measureText(content).width;
}

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function text(content, x, y, className, anchor = "start") {
  const made = svg("text", { x, y, class: className, "text-anchor": anchor });
  made.textContent = content;
  return made;
}

// fit shortens a text in its middle: names differ at either end.
function fit(content, width, kind) {
  let shown = content;
  for (let room = content.length - 1; room > 2 && widthOf(shown, kind) > width; room--) {
    const tail = Math.floor(room / 2);
    shown = content.slice(0, room - tail) + "…" + content.slice(content.length - tail);
  }
  return shown;
}

// worst is the tone of a node's wire.
function worst(routes) {
  for (const tone of ["bad", "warn", "good"]) if (routes.some(r => r.tone === tone)) return tone;
  return "none";
}

function title(node) {
  const lines = [`${node.name} ${node.address} ${node.status ?? ""}`];
  for (const r of node.routes ?? []) lines.push(`${r.destination} via ${r.nextHop}: passes its port: ${r.carries}`);
  if (!node.routes?.length) lines.push("no route leads here");
  const made = svg("title");
  made.textContent = lines.join("\n");
  return made;
}

// common is what all names begin and end with. Numbers stay whole.
function common(nodes) {
  const names = nodes.filter(n => !n.stray).map(n => n.name);
  if (names.length < 2) return { prefix: "", suffix: "" };
  let prefix = names[0], suffix = names[0];
  for (const name of names) {
    while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
    while (!name.endsWith(suffix)) suffix = suffix.slice(1);
  }
  return { prefix: prefix.replace(/[0-9]+$/, ""), suffix: suffix.replace(/^[0-9]+/, "") };
}

export class Picture {
  constructor(host, before) {
    this.figure = document.createElement("figure");
    this.caption = document.createElement("figcaption");
    this.wires = svg("g");
    this.nodes = svg("g");
    this.svg = svg("svg", { role: "img" }, this.wires, this.nodes);
    this.figure.append(this.caption, this.svg);
    host.insertBefore(this.figure, before);
    this.drawn = new Map(); // by node id: its element and what it shows
    this.width = 0;
    this.observer = new ResizeObserver(() => {
      if (this.model && Math.abs(this.figure.clientWidth - this.width) > 1) this.draw(false);
    });
    this.observer.observe(this.figure);
  }

  remove() {
    this.observer.disconnect();
    this.figure.remove();
  }

  update(model, live) {
    const same = JSON.stringify(model) === JSON.stringify(this.model);
    this.model = model;
    if (!same) this.draw(live);
  }

  draw(live) {
    const nodes = this.model.nodes ?? [];
    this.width = this.figure.clientWidth;
    this.common = common(nodes);
    const plan = this.plan(nodes, this.width);
    this.svg.classList.toggle("still", !live); // nothing glides to its first place, or when the window changes
    this.svg.setAttribute("height", plan.height);
    this.svg.setAttribute("aria-label", this.model.summary);
    this.describe();
    this.wires.replaceChildren(...(plan.tiles ? this.frame(plan) : this.bus(plan)), ...this.router(plan));
    const seen = new Set();
    nodes.forEach((node, i) => {
      seen.add(node.id);
      this.place(node, plan, plan.at(i), live);
    });
    for (const [id, { group }] of this.drawn) if (!seen.has(id)) this.leave(id, group, live);
  }

  describe() {
    const small = document.createElement("small"), hidden = this.model.more ? `, ${this.model.more} not drawn` : "";
    const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
    small.textContent = ` ${count(this.model.routes, "route")}, ${count((this.model.nodes ?? []).length, "node")}${hidden}`;
    this.caption.replaceChildren(`Router ${this.model.name}`, small);
  }

  // plan says where everything goes: cards while they fit, else tiles.
  plan(nodes, width) {
    const narrow = width < 480;
    const plan = { width, top: 66, n: nodes.length, tiles: nodes.length > (narrow ? 24 : 48) };
    const least = plan.tiles ? (narrow ? 36 : 46) : narrow && nodes.length > 3 ? 128 : 186;
    plan.gap = plan.tiles ? 5 : narrow ? 10 : 16;
    const inset = plan.tiles ? 12 : 0;
    const fitting = Math.max(1, Math.floor((width - 2 * inset - (plan.tiles ? 0 : 14) + plan.gap) / (least + plan.gap)));
    plan.columns = Math.max(1, Math.min(fitting, nodes.length));
    plan.rows = Math.ceil(nodes.length / plan.columns);
    plan.left = inset + (plan.tiles || plan.rows < 2 ? 0 : 14);
    const room = (width - plan.left - inset - plan.gap * (plan.columns - 1)) / plan.columns;
    plan.w = Math.min(plan.tiles ? 64 : 250, room);
    if (plan.rows < 2) plan.left = (width - plan.columns * (plan.w + plan.gap) + plan.gap) / 2;
    const pills = Math.min(3, Math.max(1, ...nodes.map(n => n.routes?.length ?? 0)));
    plan.drop = plan.tiles ? 0 : 18 + pills * 25;
    plan.h = plan.tiles ? 26 : 62;
    plan.first = plan.top + (plan.tiles ? 62 : 34);
    plan.step = plan.drop + plan.h + (plan.tiles ? plan.gap : 24);
    plan.height = nodes.length ? plan.first + plan.rows * plan.step - (plan.tiles ? plan.gap - 14 : 20) : plan.top + 34;
    plan.at = i => ({
      x: plan.left + (i % plan.columns) * (plan.w + plan.gap),
      y: plan.first + Math.floor(i / plan.columns) * plan.step + plan.drop,
    });
    return plan;
  }

  router(plan) {
    const w = Math.min(plan.width, 260), x = (plan.width - w) / 2;
    const lines = [text(fit(this.model.name, w - 24, "plain"), plan.width / 2, this.model.gateway ? 26 : 35, "strong router-text", "middle")];
    if (this.model.gateway) lines.push(text(fit("gateway " + this.model.gateway, w - 24, "mono"), plan.width / 2, 45, "mono router-text", "middle"));
    return [svg("rect", { x, y: 2, width: w, height: plan.top - 8, rx: 12, class: "router" }), ...lines];
  }

  subnets(width) { return fit((this.model.subnets ?? []).join("  "), width, "mono"); }

  // bus draws one bar above each row of cards, and the line that joins them.
  bus(plan) {
    if (!plan.n) return [];
    const middle = plan.width / 2, wires = [svg("path", { class: "wire", d: `M${middle} ${plan.top - 6}V${plan.first}` })];
    for (let row = 0; row < plan.rows; row++) {
      const y = plan.first + row * plan.step, last = Math.min(plan.n, (row + 1) * plan.columns) - 1;
      const right = plan.at(last).x + plan.w / 2;
      const from = plan.rows > 1 ? 2 : Math.min(middle, plan.at(0).x + plan.w / 2);
      const to = row === 0 ? Math.max(right, middle) : right;
      wires.push(svg("path", { class: "wire", d: `M${from} ${y}H${to}` }));
    }
    if (plan.rows > 1) wires.push(svg("path", { class: "wire", d: `M2 ${plan.first}V${plan.first + (plan.rows - 1) * plan.step}` }));
    wires.push(text(this.subnets(plan.width / 2 - 16), middle + 10, plan.first - 9, "mono quiet"));
    return wires;
  }

  // frame draws the subnet as a box around all tiles.
  frame(plan) {
    const y = plan.first - 34;
    return [
      svg("path", { class: "wire", d: `M${plan.width / 2} ${plan.top - 6}V${y}` }),
      svg("rect", { x: 1, y, width: plan.width - 2, height: plan.height - y - 1, rx: 10, class: "box" }),
      text(this.subnets(plan.width - 24), 12, y + 21, "mono quiet"),
    ];
  }

  place(node, plan, at, live) {
    const old = this.drawn.get(node.id), routes = new Set((old?.node.routes ?? []).map(r => r.destination));
    const shape = JSON.stringify([node, plan.tiles, Math.round(plan.w), plan.drop, this.common]);
    const group = old?.group ?? svg("g");
    group.style.transform = `translate(${at.x}px, ${at.y}px)`;
    if (old?.shape === shape) return;
    const changed = live && (!old || JSON.stringify(old.node) !== JSON.stringify(node));
    group.replaceChildren(title(node), ...(plan.tiles ? this.tile(node, plan) : this.card(node, plan, live ? routes : null)));
    group.setAttribute("class", ["node", node.stray && "stray", changed && "fresh"].filter(Boolean).join(" "));
    if (!old) this.nodes.append(group);
    this.drawn.set(node.id, { group, node, shape });
  }

  leave(id, group, live) {
    this.drawn.delete(id);
    group.classList.add("leaving");
    setTimeout(() => group.remove(), live ? fade : 0);
  }

  // ending takes off what all names end with, such as a domain.
  ending(name) {
    const { suffix } = this.common;
    return suffix && name.length > suffix.length && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  }

  // short is what tells a node from the others.
  short(node) {
    const name = this.ending(node.name), { prefix } = this.common;
    return name.length > prefix.length && name.startsWith(prefix) ? name.slice(prefix.length) : name;
  }

  // name is a node's name in so much room.
  name(node, width) {
    const ended = this.ending(node.name);
    if (node.stray || ended === node.name || widthOf(node.name, "plain") <= width) return fit(node.name, width, "plain");
    return fit(ended + "…", width, "plain");
  }

  tile(node, plan) {
    const tone = worst(node.routes ?? []), name = fit(this.short(node), plan.w - 4, "small");
    return [
      svg("rect", { width: plan.w, height: plan.h, rx: 5, class: `tile ${tone}`, "stroke-width": 1.5 }),
      text(node.stray ? "?" : name, plan.w / 2, plan.h / 2 + 4, "tile-text"),
    ];
  }

  // card draws a node, its wire, and on the wire the routes; known are the
  // destinations that it had, null when none is to glow.
  card(node, plan, known) {
    const routes = node.routes ?? [], middle = plan.w / 2, inner = plan.w - 24;
    const parts = [svg("path", { class: `wire ${worst(routes)}`, d: `M${middle} ${-plan.drop}V0` })];
    routes.slice(0, 3).forEach((route, i) => {
      const rest = i === 2 && routes.length > 3 ? ` +${routes.length - 3}` : "";
      const label = fit(route.destination + rest, plan.w - 18, "mono"), w = Math.min(plan.w, widthOf(label, "mono") + 18);
      const y = -plan.drop + 9 + i * 25, fresh = known && !known.has(route.destination) ? " fresh" : "";
      parts.push(svg("rect", { x: middle - w / 2, y, width: w, height: 21, rx: 10.5, class: `pill ${route.tone}${fresh}` }));
      parts.push(text(label, middle, y + 15, "mono", "middle"));
    });
    if (!routes.length) parts.push(text("no route", middle, -plan.drop / 2 + 4, "quiet label", "middle"));
    parts.push(svg("rect", { width: plan.w, height: plan.h, rx: 10, class: "box" }));
    parts.push(svg("circle", { cx: 16, cy: 21, r: 4.5, class: `dot ${node.tone}` }));
    parts.push(text(this.name(node, inner - 12), 27, 25.5, "strong"));
    const status = node.status && node.status !== "ACTIVE" ? node.status : "";
    const full = node.address + (status && " " + status), room = inner + 6;
    parts.push(text(widthOf(full, "mono") > room ? fit(node.address, room, "mono") : full, 12, 47, "mono quiet"));
    return parts;
  }
}
