// The top of a run's page: name, state, what it is part of, notes, alerts, and the button that stops it.

import { api, badge, count, duration, exact, h, runDuration, running, when } from "/page/dom.js";

const SURE_MS = 4000;
const SHOWN_ALERTS = 3;

export class Header {
  constructor(path, name) {
    this.path = path;
    this.title = h("h1", {}, name);
    this.state = h("span");
    this.button = h("button", { type: "button", class: "stop", hidden: true, onclick: () => this.press() });
    this.facts = h("p", { class: "facts" });
    this.notes = h("p", { class: "notes", hidden: true });
    this.alerts = h("div");
    this.parts = [h("div", { class: "title" }, this.title, this.state, this.button), this.facts, this.notes, this.alerts];
  }

  update(run) {
    document.title = run.displayName + " · " + run.project;
    this.title.textContent = run.displayName;
    this.state.replaceChildren(badge(run.state));
    this.facts.replaceChildren(...facts(run));
    this.notes.hidden = !run.notes;
    this.notes.textContent = run.notes || "";
    const seen = JSON.stringify(run.alerts);
    if (seen !== this.seen) this.alerts.replaceChildren(...alerts(run.alerts));
    this.seen = seen;
    this.stopped = run.stopped;
    this.button.hidden = !running(run);
    this.label();
  }

  label() {
    this.button.disabled = this.stopped;
    this.button.classList.toggle("sure", Boolean(this.asking));
    this.button.textContent = this.stopped ? "Stopping…" : this.asking ? "Stop it now?" : "Stop run";
    this.button.title = this.stopped ? "The run is told with its next answer, within half a minute." : "Asks the run to stop: its script gets an interrupt.";
  }

  // The first press asks, the second one within some seconds stops.
  async press() {
    clearTimeout(this.asking);
    if (!this.asking) {
      this.asking = setTimeout(() => {
        this.asking = null;
        this.label();
      }, SURE_MS);
      return this.label();
    }
    this.asking = null;
    try {
      await api(this.path + "/stop", "POST");
      this.stopped = true;
      this.label();
    } catch (error) {
      this.label();
      this.button.title = error.message;
      this.button.textContent = "Could not stop it";
    }
  }
}

function facts(run) {
  const fact = (label, value, title) => h("span", { title }, label + " ", h("b", {}, value));
  const list = [fact("Started", when(run.createdAt), exact(run.createdAt)), fact("Duration", duration(runDuration(run))),
    fact("Rows", count(run.historyLineCount))];
  if (run.exitcode) list.push(fact("Exit code", String(run.exitcode)));
  if (run.group) list.push(fact("Group", run.group));
  if (run.jobType) list.push(fact("Job type", run.jobType));
  if (run.sweep) list.push(fact("Sweep", run.sweep));
  if (run.host) list.push(fact("Host", run.host));
  list.push(fact("Id", run.name));
  const branch = run.config?._wandb?.value?.branch_point;
  if (branch) list.push(origin(run, branch));
  if (run.tags.length) list.push(h("span", {}, run.tags.map((tag) => h("span", { class: "chip" }, tag))));
  return list;
}

function origin(run, { run_id: source, step }) {
  if (source === run.name) return h("span", {}, "Rewound to step ", h("b", {}, count(step)));
  const address = "/" + [run.entity, run.project, "runs", source].map(encodeURIComponent).join("/");
  return h("span", {}, "Forked from ", h("b", {}, h("a", { href: address, class: "link" }, source)), " at step ", h("b", {}, count(step)));
}

// The latest ones at once, the others when asked for.
function alerts(list) {
  const rows = list.map(alert).reverse();
  const older = rows.splice(SHOWN_ALERTS);
  if (!older.length) return rows;
  return [...rows, h("details", { class: "more" }, h("summary", {}, older.length + (older.length === 1 ? " earlier alert" : " earlier alerts")), older)];
}

function alert({ at, title, text, severity, repeats }) {
  return h("div", { class: "alert " + severity.toLowerCase(), role: "status" },
    h("b", {}, title), h("span", {}, text),
    h("small", { title: exact(at) }, severity.toLowerCase() + " · " + when(at) + (repeats ? " · " + (repeats + 1) + " times" : "")));
}
