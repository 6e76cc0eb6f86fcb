// All charts of one file of a run: sections by prefix, loaded when they come into view, kept up to date.

import { Chart } from "/page/chart.js";
import { api, h } from "/page/dom.js";

const KEYS_PER_REQUEST = 24;

export class Charts {
  constructor(path, file) {
    this.path = path;
    this.file = file;
    this.element = h("div");
    this.empty = h("div", { class: "empty" }, file === "events" ? "No system metrics yet." : "No metrics yet.");
    this.element.append(this.empty);
    this.charts = new Map();
    this.sections = new Map();
    this.lines = 0;
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const chart = this.charts.get(entry.target.dataset.key);
        if (chart) chart.visible = entry.isIntersecting;
      }
      this.load();
    }, { rootMargin: "300px" });
  }

  // Takes the run's list of keys and the number of lines that there are.
  update(keys, axisOf, lines) {
    if (lines < this.lines) this.reset();
    this.lines = lines;
    for (const { key, kind } of keys) {
      if (kind !== "number" || this.charts.has(key) || !this.wanted(key)) continue;
      const axis = axisOf(key);
      if (axis !== null) this.make(key, axis);
    }
    this.load();
  }

  wanted(key) {
    return !key.startsWith("_");
  }

  make(key, axis) {
    const events = this.file === "events";
    const [section, label] = events ? systemPlace(key) : place(key);
    const view = new Chart(label, axis, events);
    view.element.dataset.key = key;
    this.charts.set(key, { view, axis, next: 0, visible: false });
    this.empty.remove();
    this.section(section).append(view.element);
    this.observer.observe(view.element);
  }

  section(name) {
    let found = this.sections.get(name);
    if (!found) {
      const grid = h("div", { class: "grid" });
      const element = h("details", { class: "section", open: true }, h("summary", {}, name), grid);
      found = { grid, element };
      this.sections.set(name, found);
      const order = [...this.sections.keys()].sort((a, b) => (a === "Charts" ? -1 : b === "Charts" ? 1 : a.localeCompare(b)));
      this.element.replaceChildren(...order.map((key) => this.sections.get(key).element));
    }
    return found.grid;
  }

  reset() {
    for (const chart of this.charts.values()) {
      chart.next = 0;
      chart.view.clear();
    }
  }

  // Asks for what the visible charts lack, one request at a time.
  async load() {
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    try {
      do {
        this.again = false;
        for (const batch of this.batches()) await this.fetch(batch);
      } while (this.again);
    } finally {
      this.loading = false;
    }
  }

  batches() {
    const groups = new Map();
    for (const [key, chart] of this.charts) {
      if (!chart.visible || chart.next >= this.lines) continue;
      const group = chart.axis + "\n" + chart.next;
      if (!groups.has(group)) groups.set(group, { axis: chart.axis, from: chart.next, keys: [] });
      groups.get(group).keys.push(key);
    }
    return [...groups.values()].flatMap(({ axis, from, keys }) => {
      const parts = [];
      for (let i = 0; i < keys.length; i += KEYS_PER_REQUEST) parts.push({ axis, from, keys: keys.slice(i, i + KEYS_PER_REQUEST) });
      return parts;
    });
  }

  async fetch({ axis, from, keys }) {
    const query = new URLSearchParams({ keys: JSON.stringify(keys), x: axis, file: this.file, from, points: 800 });
    const answer = await api(this.path + "/series?" + query);
    for (const key of keys) {
      const chart = this.charts.get(key);
      const { x, y } = answer.series[key] || { x: [], y: [] };
      if (chart.next !== from) continue;
      chart.view.add(x, y);
      chart.next = Math.max(answer.next, from + 1);
    }
  }
}

function place(key) {
  const at = key.indexOf("/");
  return at > 0 ? [key.slice(0, at), key] : ["Charts", key];
}

function systemPlace(key) {
  // Of several writers that share a run each has its own metrics: `system.cpu/l:<label>`.
  const [name, label] = key.replace(/^system\./, "").split("/l:");
  const [first, second] = name.split(".");
  const section = { cpu: "CPU and memory", memory_percent: "CPU and memory", memory: "CPU and memory", proc: "Process", disk: "Disk", network: "Network", tpu: "TPU" }[first]
    || (first === "gpu" ? (second === "process" ? "GPU, this run" : "GPU " + second) : "Other");
  return [section, label ? name + " · " + label : name];
}

// Which metric is on the x axis of a key, from the definitions in the config; null for hidden ones and for axes themselves.
export function axes(config) {
  const metrics = config?._wandb?.value?.m || [];
  const plain = (name) => (name || "").replace(/\\\./g, ".");
  const stepOf = (entry) => (entry["5"] ? plain(metrics[entry["5"] - 1]?.["1"]) || "_step" : "_step");
  const steps = new Set(metrics.map(stepOf));
  return (key) => {
    if (steps.has(key)) return null;
    const exact = metrics.find((entry) => entry["1"] && plain(entry["1"]) === key);
    const glob = metrics.find((entry) => entry["2"] && key.startsWith(plain(entry["2"]).replace(/\*$/, "")));
    const entry = exact || glob;
    if (!entry) return "_step";
    return (entry["6"] || []).includes(2) ? null : stepOf(entry);
  };
}
