// Where a version comes from and where it went: inputs, the run that made it, runs that used it, what they made.

import { h, runPath } from "/page/dom.js";
import { svg } from "/page/plots.js";

const WIDE = 190, HIGH = 44, GAP_X = 46, GAP_Y = 14, MOST = 12;

const pathOf = (place) => "/" + [place.entity, place.project, "artifacts", place.type, place.name, place.version || "latest"].map(encodeURIComponent).join("/");
const same = (a, b) => a.entity === b.entity && a.project === b.project && a.name === b.name && a.version === b.version;

export function lineage(version) {
  const { run, inputs, usedBy } = version.lineage;
  const outputs = [];
  for (const user of usedBy) for (const output of user.outputs) if (!outputs.some((known) => same(known, output))) outputs.push(output);
  const artifact = (place, kind) => ({ kind, label: place.name + ":" + place.version, note: place.type, href: pathOf(place), place });
  const runNode = (one, note) => ({ kind: "run", label: one.displayName, note: note || one.jobType || "run", href: runPath(one), run: one });
  const columns = [inputs.map((place) => artifact(place, "artifact")), run ? [runNode(run)] : [], [artifact(version, "this")],
    usedBy.filter((user) => user.run).map((user) => runNode(user.run, user.usedAs)), outputs.map((place) => artifact(place, "artifact"))];
  if (columns.every((column, at) => at === 2 || !column.length)) return h("div", { class: "empty panel" }, "Logged by nobody known, used by nobody yet.");
  return h("div", { class: "panel scroll lineage" }, draw(columns.map((column) => cut(column)), usedBy));
}

function cut(column) {
  return column.length > MOST ? [...column.slice(0, MOST - 1), { kind: "more", label: column.length - MOST + 1 + " more", note: "" }] : column;
}

function draw(columns, usedBy) {
  const full = columns.filter((column) => column.length), rows = Math.max(...full.map((column) => column.length));
  const height = rows * (HIGH + GAP_Y) + GAP_Y, width = full.length * (WIDE + GAP_X) - GAP_X + 32;
  full.forEach((column, at) => column.forEach((node, row) => {
    node.x = 16 + at * (WIDE + GAP_X);
    node.y = (height - column.length * (HIGH + GAP_Y) + GAP_Y) / 2 + row * (HIGH + GAP_Y);
  }));
  const links = [];
  const join = (from, to) => links.push(svg("path", { class: "join", d: `M ${from.x + WIDE} ${from.y + HIGH / 2} C ${from.x + WIDE + GAP_X / 2} ${from.y + HIGH / 2}, ${to.x - GAP_X / 2} ${to.y + HIGH / 2}, ${to.x} ${to.y + HIGH / 2}` }));
  const [inputs, makers, self, users, outputs] = columns;
  for (const maker of makers) {
    inputs.forEach((input) => join(input, maker));
    join(maker, self[0]);
  }
  users.forEach((user) => join(self[0], user));
  for (const output of outputs) users.forEach((user, at) => {
    const made = usedBy[at]?.outputs || [];
    if (output.kind === "more" || made.some((place) => output.place && same(place, output.place))) join(user, output);
  });
  const nodes = full.flat().map((node) => {
    const box = svg("g", { class: "node " + node.kind }, svg("rect", { x: node.x, y: node.y, width: WIDE, height: HIGH, rx: node.kind === "run" ? 22 : 7 }),
      svg("text", { x: node.x + WIDE / 2, y: node.y + 19, "text-anchor": "middle" }, short(node.label)), svg("text", { x: node.x + WIDE / 2, y: node.y + 34, "text-anchor": "middle", class: "note" }, short(node.note)), svg("title", {}, node.label));
    return node.href ? svg("a", { href: node.href }, box) : box;
  });
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "lineage" }, links, nodes);
}

const short = (text) => (text.length > 26 ? text.slice(0, 24) + "…" : text);
