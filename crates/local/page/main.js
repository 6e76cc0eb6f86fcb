// Finds out which page is wanted, shows it and keeps it fresh.

import { api, badge, count, duration, exact, h, runDuration, running, runPath, when } from "/page/dom.js";
import { ArtifactPage, ArtifactsPage } from "/page/artifacts.js";
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
        h("h2", {}, h("a", { href: address }, project), h("small", {}, entity + " · " + list.length + (list.length === 1 ? " run" : " runs")),
          h("a", { class: "aside", href: address + "/artifacts" }, "Artifacts")),
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
  const [entity, project, part, ...rest] = parts;
  const list = [], under = (...more) => "/" + [entity, project, ...more].map(encodeURIComponent).join("/");
  if (project) list.push(h("a", { href: under() }, project));
  if (part === "runs" && rest[0]) list.push(h("a", { href: location.pathname, "aria-current": "page" }, rest[0]));
  if (part === "artifacts") list.push(h("a", { href: under("artifacts") }, "artifacts"));
  if (part === "artifacts" && rest[1]) list.push(h("a", { href: under("artifacts", rest[0], rest[1]) }, rest[1]));
  if (part === "artifacts" && rest[2]) list.push(h("a", { href: location.pathname, "aria-current": "page" }, rest[2]));
  document.getElementById("crumbs").replaceChildren(...list);
}

function page() {
  const [entity, project, part, ...rest] = parts;
  if (part === "runs" && rest[0]) return new RunPage(main, entity, project, rest[0]);
  if (part === "artifacts" && rest[1]) return new ArtifactPage(main, entity, project, ...rest);
  if (part === "artifacts") return new ArtifactsPage(main, entity, project);
  return new ListPage(entity, project);
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
keepFresh(page());
