// A table that was logged: sorted by a click on a column, in pages, with pictures in its cells.

import { api, count, h, number } from "/page/dom.js";

const PAGE = 25;

// JSON as W&B writes it: bare NaN and Infinity are null here.
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (found) => (found[0] === "\"" ? found : "null")));
  }
}

export async function text(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error("HTTP " + answer.status);
  return answer.text();
}

export const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

export function artifactPath({ entity, project, name, version }) {
  return "/api/artifacts/" + [entity, project, name, version].map(encodeURIComponent).join("/");
}

// The table behind a row's value: from its artifact, where cells hold pictures, else the run's file.
export async function load(value, runPath) {
  const named = /^wandb-client-artifact:\/\/([^/]+)\/(.+)$/.exec(value.artifact_path || "");
  if (named) {
    try {
      const base = artifactPath(await api("client-artifacts/" + encodeURIComponent(named[1])));
      return open(parse(await text(base + "/raw/" + encoded(named[2]))), base);
    } catch {
      // The artifact may still be on its way; the run's file says the same without pictures.
    }
  }
  return open(parse(await text("/api/" + runPath + "/raw/" + encoded(value.path))), null);
}

// `base`: the artifact that cells refer to.
export function open(table, base) {
  const types = table.column_types?.params?.type_map || {};
  const dates = (table.columns || []).map((name) => JSON.stringify(types[name] || types[String(name)] || "").includes("\"timestamp\""));
  const data = table.data || [];
  const numbers = dates.map((date, at) => !date && typeof data.find((row) => row[at] !== null)?.[at] === "number");
  return { columns: (table.columns || []).map(String), data, dates, numbers, base };
}

export class TableView {
  constructor(table) {
    this.table = table;
    this.page = 0;
    this.order = table.data.map((_, at) => at);
    this.element = h("div");
    this.draw();
  }

  sort(column) {
    const down = this.sorted?.column === column && !this.sorted.down;
    this.sorted = { column, down };
    const value = (row) => this.table.data[row][column];
    const sign = down ? -1 : 1;
    this.order.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1;
      if (typeof x === "number" && typeof y === "number") return sign * (x - y) || a - b;
      return sign * plain(x).localeCompare(plain(y)) || a - b;
    });
    this.page = 0;
    this.draw();
  }

  draw() {
    const { columns } = this.table, pages = Math.max(1, Math.ceil(this.order.length / PAGE));
    const rows = this.order.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const mark = (at) => (this.sorted?.column === at ? (this.sorted.down ? " ↓" : " ↑") : "");
    const head = h("tr", {}, h("th", { class: "num" }, "#"), columns.map((name, at) =>
      h("th", { class: this.table.numbers[at] ? "num" : null }, h("button", { class: "sort", type: "button", onclick: () => this.sort(at) }, name + mark(at)))));
    const body = rows.map((row) => h("tr", {}, h("td", { class: "num quiet" }, String(row)),
      columns.map((_, at) => h("td", { class: this.table.numbers[at] ? "num" : "cell" }, this.cell(this.table.data[row][at], at)))));
    const go = (to, label, able) => h("button", { type: "button", class: "plain", disabled: !able, onclick: () => { this.page = to; this.draw(); } }, label);
    this.element.replaceChildren(
      h("div", { class: "panel scroll" }, h("table", { class: "data" }, h("thead", {}, head), h("tbody", {}, body))),
      h("div", { class: "pager" }, h("span", {}, count(this.order.length) + " rows"), pages > 1
        ? h("span", {}, go(this.page - 1, "‹", this.page > 0), " " + (this.page + 1) + " / " + pages + " ", go(this.page + 1, "›", this.page + 1 < pages)) : null));
  }

  cell(value, at) {
    if (value === null || value === undefined) return h("span", { class: "quiet" }, "–");
    if (typeof value === "number") return this.table.dates[at] ? new Date(value).toISOString().replace("T", " ").replace(".000Z", "") : number(value);
    if (typeof value !== "object") return String(value);
    const path = value.path && this.table.base ? this.table.base + "/raw/" + encoded(value.path) : null;
    if (value._type === "image-file" && path) return h("a", { href: path, target: "_blank" }, h("img", { src: path, class: "thumb", loading: "lazy", alt: value.caption || "" }), value.caption ? h("small", {}, value.caption) : null);
    if (value._type === "audio-file" && path) return h("audio", { controls: true, preload: "none", src: path });
    if (value._type === "video-file" && path) return /\.gif$/.test(path) ? h("img", { src: path, class: "thumb", loading: "lazy", alt: "" }) : h("video", { controls: true, preload: "none", src: path, class: "thumb" });
    if (value._type === "histogram") return h("span", { class: "quiet" }, "histogram, " + (value.values || []).length + " bins");
    if (path) return h("a", { href: path, class: "link" }, value._type || "file");
    return h("code", {}, JSON.stringify(value));
  }
}

function plain(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
