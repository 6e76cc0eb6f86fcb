// What a run logged besides numbers: a panel for each key, with a slider over the steps.

import { api, h, number } from "/page/dom.js";
import { definitions, draw } from "/page/custom.js";
import { Picture, pictures } from "/page/pictures.js";
import { heat, histogram } from "/page/plots.js";
import { TableView, encoded, load } from "/page/table.js";

const ROWS = 500, MOST_ROWS = 5000, COLUMNS = 120;
const KINDS = {
  "image-file": showPictures, "images/separated": showPictures, histogram: showHistogram, "table-file": showTable, "incremental-table-file": showTable,
  "audio-file": showAudio, audio: showAudio, "video-file": showVideo, videos: showVideo, "html-file": showHtml, html: showHtml, "plotly-file": showFile, "bokeh-file": showFile,
  "molecule-file": showFile, molecule: showFile, "object3D-file": showFile, object3D: showFile,
};

export const isMedia = (metric) => metric.kind in KINDS;

export class Media {
  constructor(path) {
    this.path = path;
    this.panels = new Map();
    this.custom = h("div", { class: "grid" });
    this.grid = h("div", { class: "media" });
    this.element = h("div", {}, this.custom, this.grid);
  }

  // One at a time: the page asks again every few seconds.
  async update(run) {
    if (this.busy) return;
    this.busy = true;
    try {
      await this.refresh(run);
    } finally {
      this.busy = false;
    }
  }

  async refresh(run) {
    const charts = definitions(run.config), tables = new Set(charts.map((chart) => chart.table));
    for (const metric of run.metrics.filter(isMedia)) {
      if (tables.has(metric.key)) continue;
      let panel = this.panels.get(metric.key);
      if (!panel) {
        panel = new Panel(this.path, metric.key);
        this.panels.set(metric.key, panel);
        this.grid.append(panel.element);
      }
      await panel.update(run, metric.rows);
    }
    const state = JSON.stringify(charts.map((chart) => [chart, find(run.summary, chart.table)?.sha256]));
    if (state !== this.state) this.custom.replaceChildren(...await Promise.all(charts.map((chart) => this.chart(run, chart))));
    this.state = state;
    if (!this.panels.size && !charts.length) this.grid.replaceChildren(h("div", { class: "empty" }, "No media yet."));
  }

  async chart(run, chart) {
    const value = find(run.summary, chart.table), title = chart.strings.title || chart.key;
    const card = h("section", { class: "chart custom" }, h("header", {}, h("h3", { title }, title), h("output", {}, chart.preset.replace(/^wandb\//, ""))));
    if (!value) return card;
    try {
      const table = await load(value, this.path);
      card.append(draw(chart, table), h("details", { class: "more" }, h("summary", {}, "Table"), new TableView(table).element));
    } catch (error) {
      card.append(h("div", { class: "empty" }, "Its table cannot be read: " + error.message));
    }
    return card;
  }
}

// A value in the summary by its key: whole, or level by level.
function find(summary, key) {
  if (summary?.[key]) return summary[key];
  return key.split(/[.]/).reduce((inner, part) => inner?.[part], summary);
}

class Panel {
  constructor(path, key) {
    this.path = path;
    this.key = key;
    this.rows = [];
    this.next = 0;
    this.body = h("div");
    this.step = h("output");
    this.slider = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "step of " + key, oninput: () => this.show(Number(this.slider.value)) });
    this.element = h("section", { class: "panel medium" }, h("header", {}, h("h3", { title: key }, key), h("span", { class: "steps" }, this.slider, this.step)), this.body);
  }

  async update(run, rows) {
    if (rows < this.known) this.rows = [], this.next = 0;
    if (rows === this.known) return;
    this.run = run;
    const last = this.at === undefined || this.at === this.rows.length - 1;
    while (this.rows.length < MOST_ROWS) {
      const answer = await api(this.path + "/media?" + new URLSearchParams({ keys: JSON.stringify([this.key]), from: this.next, limit: ROWS }));
      this.rows.push(...answer.rows.map((row) => ({ step: row.step, value: row.values[this.key] })).filter((row) => row.value?._type in KINDS));
      this.next = answer.next;
      if (answer.rows.length < ROWS) break;
    }
    this.known = rows;
    if (!this.rows.length) return;
    this.slider.max = this.rows.length - 1;
    this.slider.hidden = this.rows.length < 2;
    if (last) this.slider.value = this.rows.length - 1;
    this.show(Number(this.slider.value));
  }

  async show(at) {
    this.at = at;
    const row = this.rows[at];
    this.step.textContent = "step " + number(row.step);
    const content = await KINDS[row.value._type](row.value, this);
    if (this.at === at) this.body.replaceChildren(content);
  }

  get raw() {
    return "/api/" + this.path + "/raw/";
  }
}

function showPictures(value, panel) {
  const views = pictures(value).map((picture) => new Picture(picture, panel.raw, panel.run.config, panel.key));
  const has = (kind) => views.some((view) => view.picture[kind]);
  panel.layers = panel.layers || { masks: true, boxes: true };
  const apply = () => views.forEach((view) => view.show(panel.layers.masks, panel.layers.boxes));
  const box = (kind, label) => has(kind) ? h("label", {}, h("input", { type: "checkbox", checked: panel.layers[kind], onchange: (event) => { panel.layers[kind] = event.target.checked; apply(); } }), " " + label) : null;
  apply();
  return h("div", {}, has("masks") || has("boxes") ? h("div", { class: "layers" }, box("masks", "Masks"), box("boxes", "Boxes")) : null,
    h("div", { class: "pictures" + (views.length > 1 ? " many" : "") }, views.map((view) => view.element)));
}

function unpacked(value) {
  const counts = value.values || [];
  if (value.bins) return { counts, edges: value.bins };
  const { min = 0, size = 1, count = counts.length } = value.packedBins || {};
  return { counts, edges: Array.from({ length: count + 1 }, (_, at) => min + at * size) };
}

function showHistogram(value, panel) {
  const { counts, edges } = unpacked(value);
  const every = Math.ceil(panel.rows.length / COLUMNS);
  const rows = panel.rows.filter((row, at) => row.value._type === "histogram" && (at % every === 0 || at === panel.at));
  const columns = rows.map((row) => ({ step: row.step, ...unpacked(row.value) }));
  const chosen = columns.findIndex((column) => column.step === panel.rows[panel.at].step);
  return h("div", {}, histogram(panel.key, counts, edges, ["", "count"]), columns.length > 1 ? heat(panel.key + " over steps", columns, chosen) : null);
}

async function showTable(value, panel) {
  panel.element.classList.add("wide");
  try {
    return new TableView(await load(value, panel.path)).element;
  } catch (error) {
    return h("div", { class: "empty" }, "The table cannot be read: " + error.message);
  }
}

const captioned = (element, caption) => h("figure", { class: "picture" }, element, caption ? h("figcaption", {}, caption) : null);

function showAudio(value, panel) {
  const list = value.audio || [value];
  return h("div", {}, list.map((one, at) => captioned(h("audio", { controls: true, preload: "metadata", src: panel.raw + encoded(one.path) }), one.caption || (value.captions || [])[at])));
}

function showVideo(value, panel) {
  const list = value.videos || [value];
  return h("div", { class: "pictures" }, list.map((one, at) => {
    const address = panel.raw + encoded(one.path);
    const view = /\.gif$/.test(one.path) ? h("img", { src: address, alt: one.caption || "" }) : h("video", { controls: true, preload: "metadata", src: address });
    return captioned(view, one.caption || (value.captions || [])[at]);
  }));
}

// Logged pages run in a sandbox that the server enforces, too: they can load nothing and see nothing of this page.
function showHtml(value, panel) {
  const list = value.html || [value];
  return h("div", {}, list.map((one) => h("iframe", { sandbox: "allow-scripts", src: panel.raw + encoded(one.path) + "?show=frame", title: panel.key, loading: "lazy" })));
}

async function showFile(value, panel) {
  const paths = value.filenames ? value.filenames.map((name) => (name.startsWith("media/") ? name : "media/" + (value._type === "object3D" ? "object3D/" : "molecule/") + name)) : [value.path];
  const parts = await Promise.all(paths.map(async (path) => {
    const link = h("p", {}, h("a", { class: "link", href: panel.raw + encoded(path), download: path.split("/").pop() }, path.split("/").pop()));
    if (!/\.json$/.test(path) || (value.size || 0) > 2e6) return link;
    const answer = await fetch(panel.raw + encoded(path));
    const content = await answer.text();
    return h("div", {}, link, h("pre", { class: "json" }, pretty(content).slice(0, 20000)));
  }));
  return h("div", { class: "files" }, parts);
}

function pretty(content) {
  try {
    return JSON.stringify(JSON.parse(content), null, 1);
  } catch {
    return content;
  }
}
