// Finds out which page is wanted, shows it and keeps it fresh.

import { api, badge, count, duration, exact, h, runDuration, running, runPath, when } from "/page/dom.js";
import { RunPage } from "/page/run.js";

const main = document.getElementById("main");
const notice = document.getElementById("notice");
const parts = location.pathname.split("/").filter(Boolean).map(decodeURIComponent);

class ListPage {
  constructor(entity, project) {
    this.wanted = (run) => !entity || (run.entity === entity && run.project === project);
    document.title = project || "Runs";
  }

  async refresh() {
    const runs = (await api("runs")).filter(this.wanted).sort((a, b) => b.createdAt - a.createdAt);
    const state = JSON.stringify(runs) + Math.floor(Date.now() / 5000);
    if (state !== this.state) main.replaceChildren(...(runs.length ? this.projects(runs) : [nothing()]));
    this.state = state;
    return runs.some(running) ? 2000 : 5000;
  }

  projects(runs) {
    const projects = new Map();
    for (const run of runs) {
      const name = run.entity + "/" + run.project;
      projects.set(name, [...(projects.get(name) || []), run]);
    }
    return [...projects.values()].map((list) => {
      const { entity, project } = list[0];
      const address = "/" + [entity, project].map(encodeURIComponent).join("/");
      return h("section", { class: "project" },
        h("h2", {}, h("a", { href: address }, project), h("small", {}, entity + " · " + list.length + (list.length === 1 ? " run" : " runs"))),
        h("div", { class: "panel scroll" }, table(list)));
    });
  }
}

function table(runs) {
  const head = ["Run", "State", "Rows", "Started", "Duration"].map((text) => h("th", { class: text === "Rows" || text === "Duration" ? "num" : null }, text));
  return h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, runs.map((run) =>
    h("tr", { class: "go" },
      h("td", { class: "name" }, h("a", { href: runPath(run) }, run.displayName),
        h("small", {}, [run.name, run.group, run.jobType].filter(Boolean).join("  ·  ")), tags(run)),
      h("td", {}, badge(run.state)),
      h("td", { class: "num" }, count(run.historyLineCount)),
      h("td", { class: "quiet", title: exact(run.createdAt) }, when(run.createdAt)),
      h("td", { class: "num quiet" }, duration(runDuration(run)))))));
}

function tags(run) {
  return run.tags.length ? h("div", { class: "tags" }, run.tags.map((tag) => h("span", { class: "chip" }, tag))) : null;
}

function nothing() {
  return h("div", { class: "empty panel" }, h("div", {}, "No runs yet. Log one:"),
    h("pre", {}, "import wandbd as wandb\n\nwith wandb.init(project=\"hello\") as run:\n    for step in range(100):\n        run.log({\"loss\": 1 / (step + 1)})"));
}

function crumbs() {
  const [entity, project, , run] = parts;
  const list = [];
  if (project) list.push(h("a", { href: "/" + [entity, project].map(encodeURIComponent).join("/") }, project));
  if (run) list.push(h("a", { href: location.pathname, "aria-current": "page" }, run));
  document.getElementById("crumbs").replaceChildren(...list);
}

async function keepFresh(page) {
  let wait = 2000;
  try {
    wait = await page.refresh();
    notice.textContent = "";
  } catch (error) {
    if (error.status === 401) return location.reload();
    if (error.status === 404) main.replaceChildren(h("div", { class: "empty panel" }, error.message));
    else notice.textContent = "Connection lost, trying again…";
  }
  setTimeout(() => keepFresh(page), document.hidden ? wait * 5 : wait);
}

crumbs();
keepFresh(parts.length === 4 ? new RunPage(main, parts[0], parts[1], parts[3]) : new ListPage(parts[0], parts[1]));
