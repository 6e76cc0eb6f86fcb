// One line chart on a canvas: axes with round ticks, a line, and what lies under the pointer.

import { duration, h, number } from "/page/dom.js";

const LEFT = 50, RIGHT = 8, TOP = 8, BOTTOM = 22;
const charts = new Set();
let pointer = { axis: null, x: null };

export class Chart {
  constructor(name, axis, fromZero) {
    this.name = name;
    this.axis = axis;
    this.fromZero = fromZero;
    this.x = [];
    this.y = [];
    this.canvas = h("canvas", { role: "img", "aria-label": name });
    this.now = h("output");
    this.tip = h("div", { class: "tip", hidden: true });
    this.element = h("section", { class: "chart" },
      h("header", {}, h("h3", { title: name }, name), this.now),
      this.canvas, h("div", { class: "axis" }, axisLabel(axis)), this.tip);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => hover(null, null));
    charts.add(this);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  // Adds points; of many points it keeps the lowest and highest of each stretch.
  add(x, y) {
    if (x.length === 0) return;
    for (let i = 0; i < x.length; i += 1) {
      this.x.push(x[i]);
      this.y.push(y[i]);
    }
    // Several writers of one run come in the order of arrival.
    if (this.axis.startsWith("_") && this.x.some((at, i) => i > 0 && at < this.x[i - 1])) this.sort();
    if (this.x.length > 2400) [this.x, this.y] = thin(this.x, this.y, 600);
    this.now.textContent = number(this.y[this.y.length - 1]);
    this.draw();
  }

  sort() {
    const order = this.x.map((_, i) => i).sort((a, b) => this.x[a] - this.x[b]);
    this.y = order.map((i) => this.y[i]);
    this.x = order.map((i) => this.x[i]);
  }

  clear() {
    this.x = [];
    this.y = [];
    this.draw();
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.scales(box.width, box.height);
    if (scale) hover(this.axis, scale.fromX(event.clientX - box.left));
  }

  scales(width, height) {
    if (this.x.length === 0) return null;
    let [x0, x1] = range(this.x);
    let [y0, y1] = range(this.y);
    if (this.fromZero && y0 > 0) y0 = 0;
    if (x0 === x1) [x0, x1] = [x0 - 1, x1 + 1];
    if (y0 === y1) [y0, y1] = [y0 - Math.max(Math.abs(y0) * 0.1, 1e-9), y1 + Math.max(Math.abs(y1) * 0.1, 1e-9)];
    const pad = (y1 - y0) * 0.06;
    if (!(this.fromZero && y0 === 0)) y0 -= pad;
    y1 += pad;
    const w = width - LEFT - RIGHT, t = height - TOP - BOTTOM;
    return {
      x0, x1, y0, y1,
      toX: (x) => LEFT + ((x - x0) / (x1 - x0)) * w,
      toY: (y) => TOP + (1 - (y - y0) / (y1 - y0)) * t,
      fromX: (px) => x0 + ((px - LEFT) / w) * (x1 - x0),
    };
  }

  draw() {
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    if (width === 0) return;
    const dense = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(height * dense);
    const pen = this.canvas.getContext("2d");
    pen.scale(dense, dense);
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    pen.font = "11px " + style.getPropertyValue("--sans");
    const scale = this.scales(width, height);
    this.tip.hidden = true;
    if (!scale) {
      pen.fillStyle = color("--muted");
      pen.textAlign = "center";
      pen.fillText("no values yet", width / 2, height / 2);
      return;
    }
    this.drawAxes(pen, scale, width, height, color);
    this.drawLine(pen, scale, color("--accent"));
    if (pointer.axis === this.axis && pointer.x !== null) this.drawPointer(pen, scale, height, color);
  }

  drawAxes(pen, scale, width, height, color) {
    pen.lineWidth = 1;
    pen.strokeStyle = color("--grid");
    pen.fillStyle = color("--muted");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const rows = ticks(scale.y0, scale.y1, 4);
    for (const y of rows.values) {
      const at = Math.round(scale.toY(y)) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT, at);
      pen.lineTo(width - RIGHT, at);
      pen.stroke();
      pen.fillText(tick(y, rows.step), LEFT - 7, at);
    }
    pen.textBaseline = "alphabetic";
    pen.textAlign = "center";
    const wanted = Math.max(2, Math.floor(width / 90));
    const columns = (this.axis === "_runtime" ? times : ticks)(scale.x0, scale.x1, wanted);
    for (const x of columns.values) {
      const at = scale.toX(x);
      if (at < LEFT - 1 || at > width - RIGHT + 1) continue;
      const text = this.axis === "_runtime" ? clock(x, columns.step) : tick(x, columns.step);
      const half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(Math.max(at, LEFT + half - 4), width - half), height - 5);
    }
  }

  drawLine(pen, scale, color) {
    pen.strokeStyle = color;
    pen.fillStyle = color;
    pen.lineWidth = 1.6;
    pen.lineJoin = "round";
    pen.beginPath();
    // Where an axis of one's own goes back (epochs of a fork, for example), a new line begins.
    this.x.forEach((x, i) => pen[i && x >= this.x[i - 1] ? "lineTo" : "moveTo"](scale.toX(x), scale.toY(this.y[i])));
    pen.stroke();
    if (this.x.length <= 24) {
      this.x.forEach((x, i) => {
        pen.beginPath();
        pen.arc(scale.toX(x), scale.toY(this.y[i]), 2.4, 0, 7);
        pen.fill();
      });
    }
  }

  drawPointer(pen, scale, height, color) {
    const i = nearest(this.x, pointer.x);
    const px = scale.toX(this.x[i]), py = scale.toY(this.y[i]);
    pen.strokeStyle = color("--muted");
    pen.globalAlpha = 0.5;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(Math.round(px) + 0.5, TOP);
    pen.lineTo(Math.round(px) + 0.5, height - BOTTOM);
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillStyle = color("--accent");
    pen.beginPath();
    pen.arc(px, py, 3.6, 0, 7);
    pen.fill();
    const x = this.axis === "_runtime" ? duration(this.x[i]) : axisLabel(this.axis).split("/").pop() + " " + number(this.x[i]);
    this.tip.textContent = number(this.y[i]) + "  ·  " + x;
    this.tip.hidden = false;
    const left = this.canvas.offsetLeft + px, half = this.tip.offsetWidth / 2;
    const most = this.element.clientWidth - half - 4;
    this.tip.style.left = Math.min(Math.max(left, half + 4), most) + "px";
    this.tip.style.top = this.canvas.offsetTop + Math.max(py - 10, 16) + "px";
  }
}

function hover(axis, x) {
  pointer = { axis, x };
  requestAnimationFrame(() => {
    for (const chart of charts) if (chart.element.isConnected) chart.draw();
  });
}

export function axisLabel(axis) {
  return { _step: "step", _runtime: "time", _timestamp: "timestamp" }[axis] || axis;
}

function range(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const values = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9 && values.length < 50; at += step) {
    values.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  }
  return { values, step };
}

function times(low, high, wanted) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const step = steps.find((s) => s >= (high - low) / wanted);
  if (!step || high - low < 3) return ticks(low, high, wanted);
  const values = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) values.push(at);
  return { values, step };
}

function clock(seconds, step) {
  if (step < 1) return seconds.toFixed(1) + " s";
  return duration(seconds).replace(/ (min|h|d) 0 (s|min|h)$/, " $1");
}

function tick(value, step) {
  const size = Math.abs(value);
  if (size >= 1e4) {
    for (const [unit, name] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (size >= unit) return Number((value / unit).toPrecision(4)) + name;
    }
  }
  if (size !== 0 && step < 1e-4) return Number(value.toPrecision(3)).toExponential().replace("e-", "e−");
  return value.toFixed(Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 6));
}

function nearest(xs, x) {
  let best = 0;
  for (let i = 1; i < xs.length; i += 1) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
  return best;
}

function thin(xs, ys, stretches) {
  const x = [], y = [], each = xs.length / stretches;
  for (let s = 0; s < stretches; s += 1) {
    let low = Math.floor(s * each), high = low;
    for (let i = low; i < Math.min(Math.floor((s + 1) * each), xs.length); i += 1) {
      if (ys[i] < ys[low]) low = i;
      if (ys[i] >= ys[high]) high = i;
    }
    for (const i of low < high ? [low, high] : high < low ? [high, low] : [low]) {
      x.push(xs[i]);
      y.push(ys[i]);
    }
  }
  return [x, y];
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => hover(null, null));
