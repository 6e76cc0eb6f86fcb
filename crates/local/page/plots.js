// Drawings in SVG: lines, points, bars, matrices, heat maps.

import { h, number } from "/page/dom.js";

const W = 460, H = 260, LEFT = 54, RIGHT = 12, TOP = 12, BOTTOM = 38;
export const COLORS = ["#3467c9", "#d9822b", "#2f9e6b", "#b3362c", "#7d55c7", "#0d8ea0", "#c2479b", "#8a6d00", "#5f6b7a", "#6aa51e"];

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function ticks(low, high, wanted) {
  const power = 10 ** Math.floor(Math.log10((high - low) / wanted));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= (high - low) / wanted);
  const values = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9 && values.length < 40; at += step) values.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return values;
}

export function extent(values, zero) {
  let low = zero ? 0 : Infinity, high = zero ? 0 : -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) return [0, 1];
  return low === high ? [low - (low === 0 ? 0 : Math.abs(low) * 0.1), high + (Math.abs(high) * 0.1 || 1)] : [low, high];
}

function place([low, high], from, to) {
  return (value) => from + ((value - low) / (high - low || 1)) * (to - from);
}

// A frame with axes; `draw` adds what is in it.
function frame(label, xs, ys, titles, draw, xTicks = true) {
  const x = place(xs, LEFT, W - RIGHT), y = place(ys, H - BOTTOM, TOP);
  const rows = ticks(ys[0], ys[1], 4).map((at) => [
    svg("line", { x1: LEFT, x2: W - RIGHT, y1: y(at), y2: y(at), class: "gridline" }),
    svg("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, number(at))]);
  const columns = xTicks ? ticks(xs[0], xs[1], 6).map((at) => svg("text", { x: x(at), y: H - BOTTOM + 16, "text-anchor": "middle" }, number(at))) : [];
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "plot", role: "img", "aria-label": label },
    rows, columns,
    svg("text", { x: (LEFT + W - RIGHT) / 2, y: H - 4, "text-anchor": "middle", class: "axis-title" }, titles[0] || ""),
    svg("text", { x: 12, y: (TOP + H - BOTTOM) / 2, "text-anchor": "middle", class: "axis-title", transform: `rotate(-90 12 ${(TOP + H - BOTTOM) / 2})` }, titles[1] || ""),
    draw(x, y));
}

const finite = (value) => typeof value === "number" && Number.isFinite(value);

// Series: `[{name, points: [[x, y]]}]`.
export function lines(label, series, titles, dots = false) {
  const all = series.flatMap((one) => one.points).filter(([x, y]) => finite(x) && finite(y));
  if (!all.length) return h("div", { class: "empty" }, "No numbers.");
  const plot = frame(label, extent(all.map(([x]) => x)), extent(all.map(([, y]) => y)), titles, (x, y) => series.map((one, at) => {
    const points = one.points.filter(([a, b]) => finite(a) && finite(b)), color = COLORS[at % COLORS.length];
    const marks = dots || points.length === 1
      ? points.slice(0, 5000).map(([a, b]) => svg("circle", { cx: x(a), cy: y(b), r: 2.6, fill: color, "fill-opacity": 0.7 }, svg("title", {}, number(a) + ", " + number(b)))) : [];
    const line = dots ? null : svg("polyline", { points: points.map(([a, b]) => x(a).toFixed(1) + "," + y(b).toFixed(1)).join(" "), fill: "none", stroke: color, "stroke-width": 1.8, "stroke-linejoin": "round" });
    return [line, marks].flat();
  }).flat());
  return h("div", {}, plot, series.length > 1 ? legend(series.map((one) => one.name)) : null);
}

function legend(names) {
  return h("div", { class: "legend" }, names.slice(0, 20).map((name, at) => h("span", {},
    svg("svg", { width: 10, height: 10, viewBox: "0 0 10 10" }, svg("circle", { cx: 5, cy: 5, r: 4, fill: COLORS[at % COLORS.length] })), " " + name)));
}

// Bars with names, lying.
export function bars(label, names, values, title) {
  const shown = names.slice(0, 40), high = 22, height = shown.length * high + 26;
  const [low, top] = extent(values.filter(finite), true), x = place([low, top], 140, W - 56);
  return svg("svg", { viewBox: `0 0 ${W} ${height}`, class: "plot", role: "img", "aria-label": label },
    shown.map((name, at) => [
      svg("text", { x: 134, y: at * high + 17, "text-anchor": "end" }, String(name).slice(0, 22), svg("title", {}, String(name))),
      finite(values[at]) ? svg("rect", { x: Math.min(x(0), x(values[at])), y: at * high + 5, width: Math.abs(x(values[at]) - x(0)) || 0.5, height: high - 7, rx: 2, class: "bar-mark" }) : null,
      svg("text", { x: Math.max(x(0), x(values[at] || 0)) + 5, y: at * high + 17 }, finite(values[at]) ? number(values[at]) : "–")]),
    svg("text", { x: W / 2, y: height - 4, "text-anchor": "middle", class: "axis-title" }, title || ""));
}

// Counts between edges.
export function histogram(label, counts, edges, titles = []) {
  if (!counts.length) return h("div", { class: "empty" }, "Empty.");
  const ends = extent(edges);
  return frame(label, ends, extent(counts, true), titles, (x, y) => counts.map((count, at) =>
    svg("rect", { x: x(edges[at]), width: Math.max(x(edges[at + 1]) - x(edges[at]) - 0.5, 0.5), y: y(count), height: Math.max(y(0) - y(count), 0), class: "bar-mark" },
      svg("title", {}, number(edges[at]) + " to " + number(edges[at + 1]) + ": " + number(count)))));
}

// Histograms side by side: steps to the right, values upwards, counts as strength.
export function heat(label, columns, chosen) {
  const all = columns.flatMap(({ edges }) => [edges[0], edges[edges.length - 1]]).filter(finite);
  const ys = extent(all), most = Math.max(1, ...columns.flatMap(({ counts }) => counts));
  const width = (W - LEFT - RIGHT) / columns.length;
  return frame(label, [0, columns.length], ys, ["step", ""], (_, y) => columns.map(({ step, counts, edges }, at) => {
    const x = LEFT + at * width;
    const cells = counts.map((count, bin) => count > 0 ? svg("rect", { x, width: width + 0.4, y: y(edges[bin + 1]), height: Math.max(y(edges[bin]) - y(edges[bin + 1]), 0.6), class: "bar-mark", "fill-opacity": (0.08 + 0.92 * Math.sqrt(count / most)).toFixed(3) }) : null);
    const every = Math.ceil(columns.length / 6);
    const mark = at === chosen ? svg("rect", { x, width, y: TOP, height: H - TOP - BOTTOM, class: "chosen" }) : null;
    return [...cells, mark, at % every === 0 ? svg("text", { x: x + width / 2, y: H - BOTTOM + 16, "text-anchor": "middle" }, String(step)) : null].filter(Boolean);
  }).flat(), false);
}

// A confusion matrix: rows are what it was, columns what was said.
export function matrix(label, names, cell) {
  const size = Math.max(18, Math.min(54, 330 / names.length)), left = 96, top = 34, side = size * names.length;
  const most = Math.max(1, ...names.flatMap((a) => names.map((b) => cell(a, b))));
  const short = (name) => String(name).slice(0, 12);
  return svg("svg", { viewBox: `0 0 ${left + side + 20} ${top + side + 30}`, class: "plot matrix", role: "img", "aria-label": label },
    names.map((name, at) => [
      svg("text", { x: left - 8, y: top + at * size + size / 2 + 4, "text-anchor": "end" }, short(name)),
      svg("text", { x: left + at * size + size / 2, y: top - 8, "text-anchor": "middle" }, short(name))]),
    names.map((a, row) => names.map((b, column) => {
      const value = cell(a, b), share = value / most;
      return [svg("rect", { x: left + column * size + 1, y: top + row * size + 1, width: size - 2, height: size - 2, rx: 3, class: "bar-mark", "fill-opacity": (0.06 + 0.94 * share).toFixed(3) },
        svg("title", {}, `was ${a}, said ${b}: ${value}`)),
      size > 20 ? svg("text", { x: left + column * size + size / 2, y: top + row * size + size / 2 + 4, "text-anchor": "middle", class: share > 0.5 ? "inverse" : "value" }, number(value)) : null];
    })),
    svg("text", { x: left + side / 2, y: top + side + 20, "text-anchor": "middle", class: "axis-title" }, "predicted"),
    svg("text", { x: 12, y: top + side / 2, "text-anchor": "middle", class: "axis-title", transform: `rotate(-90 12 ${top + side / 2})` }, "actual"));
}

// Equal bins of numbers.
export function bin(values, wanted = 30) {
  const numbers = values.filter(finite), [low, high] = extent(numbers);
  const width = (high - low) / wanted || 1, counts = new Array(wanted).fill(0);
  for (const value of numbers) counts[Math.min(Math.floor((value - low) / width), wanted - 1)] += 1;
  return { counts, edges: Array.from({ length: wanted + 1 }, (_, at) => low + at * width) };
}
