// The console of a run: lines as they are now, errors marked, the writer's label where several share a run.

import { api, count, h } from "/page/dom.js";

const KEPT_LINES = 5000;
const REREAD_LINES = 40;

export class Console {
  constructor(path) {
    this.path = path;
    this.first = null;
    this.rows = [];
    this.list = h("div", { class: "console panel", tabindex: "0" }, h("div", { class: "empty" }, "No output yet."));
    const times = h("input", { type: "checkbox", onchange: () => this.list.classList.toggle("times", times.checked) });
    this.tools = h("div", { class: "tools", hidden: true }, h("label", {}, times, " Times"));
    this.element = h("div", {}, this.tools, this.list);
  }

  // Fetches new lines, and the last ones again: progress bars rewrite them.
  async update(total) {
    if (this.loading || total === 0) return;
    this.loading = true;
    try {
      if (this.first === null) {
        this.first = Math.max(0, total - KEPT_LINES);
        this.list.replaceChildren();
        this.tools.hidden = false;
        if (this.first > 0) this.list.append(h("div", { "data-n": "…" }, count(this.first) + " earlier lines are in output.log"));
      }
      const stick = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
      const from = Math.max(this.first, this.first + this.rows.length - REREAD_LINES);
      const answer = await api(this.path + "/console?" + new URLSearchParams({ from, limit: KEPT_LINES * 2 }));
      for (const line of answer.lines) this.put(line);
      if (stick) this.list.scrollTop = this.list.scrollHeight;
    } finally {
      this.loading = false;
    }
  }

  put(line) {
    const at = line.number - this.first;
    if (!this.rows[at]) {
      this.rows[at] = h("div", { "data-n": line.number + 1 });
      this.list.append(this.rows[at]);
    }
    const row = this.rows[at], seen = JSON.stringify(line);
    if (row.dataset.seen === seen) return;
    row.dataset.seen = seen;
    const text = line.text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
    const time = (line.timestamp || "").replace("T", " ").slice(0, 23);
    row.className = line.level;
    row.title = [time && time + " UTC", line.level === "error" ? "standard error" : line.level].filter(Boolean).join(" · ");
    row.replaceChildren(h("time", {}, time.slice(11)), ...(line.label ? [h("span", { class: "label" }, line.label)] : []), h("span", {}, text));
  }
}
