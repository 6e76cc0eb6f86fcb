// Custom charts: the table that was logged with them, drawn as their preset says.

import { h } from "/page/dom.js";
import { bars, bin, histogram, lines, matrix } from "/page/plots.js";

// What the config says about charts: `[{key, preset, fields, strings, table}]`.
export function definitions(config) {
  const all = config?._wandb?.value?.visualize || {};
  return Object.entries(all).map(([key, entry]) => {
    const panel = entry?.panel_config || {};
    return { key, preset: String(panel.panelDefId || ""), fields: panel.fieldSettings || {}, strings: panel.stringSettings || {}, table: tableKey(panel.userQuery) || key + "_table" };
  });
}

function tableKey(query) {
  const found = [];
  const look = (value) => {
    if (Array.isArray(value)) value.forEach(look);
    else if (value && typeof value === "object") {
      if (value.name === "tableKey" && typeof value.value === "string") found.push(value.value);
      Object.values(value).forEach(look);
    }
  };
  look(query);
  return found[0];
}

export function draw(chart, table) {
  const column = (role) => table.columns.indexOf(chart.fields[role] ?? role);
  const values = (role) => {
    const at = column(role);
    return at < 0 ? [] : table.data.map((row) => row[at]);
  };
  const name = chart.strings.title || chart.key, kind = chart.preset.replace(/^wandb\//, "").replace(/\/v\d+$/, "");
  const titles = [chart.strings["x-axis-title"] || chart.strings.xname || chart.fields.x, chart.strings["y-axis-title"] || chart.fields.y];
  if (kind === "bar") return bars(name, values("label"), values("value"), chart.fields.value);
  if (kind === "histogram") {
    const { counts, edges } = bin(values("value"));
    return histogram(name, counts, edges, [chart.fields.value, "count"]);
  }
  if (kind === "confusion_matrix") return confusion(name, values("Actual"), values("Predicted"), values("nPredictions"));
  if (kind === "scatter") return lines(name, grouped(values("x"), values("y"), []), titles, true);
  if (kind === "line") return lines(name, grouped(values("x"), values("y"), values("stroke")), titles);
  if (kind === "area-under-curve") return lines(name, grouped(values("x"), values("y"), values("class")), titles);
  if (kind === "lineseries") return lines(name, grouped(values("step"), values("lineVal"), values("lineKey")), [titles[0] || "step", ""]);
  return h("div", { class: "empty" }, "No drawing for " + (chart.preset || "this chart") + "; its table is below.");
}

function grouped(xs, ys, names) {
  const groups = new Map();
  xs.forEach((x, at) => {
    const name = names.length ? String(names[at]) : "";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push([x, ys[at]]);
  });
  return [...groups].map(([name, points]) => ({ name, points }));
}

function confusion(name, actual, predicted, counts) {
  const names = [...new Set([...actual, ...predicted].map(String))];
  const cells = new Map();
  actual.forEach((was, at) => {
    const key = JSON.stringify([String(was), String(predicted[at])]);
    cells.set(key, (cells.get(key) || 0) + (counts[at] || 0));
  });
  if (names.length > 60) return h("div", { class: "empty" }, names.length + " classes: too many to draw.");
  return matrix(name, names, (a, b) => cells.get(JSON.stringify([a, b])) || 0);
}
