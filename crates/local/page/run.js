// The page of one run.

import { Charts, axes } from "/page/charts.js";
import { Console } from "/page/console.js";
import { api, bytes, exact, h, here, number, running, when } from "/page/dom.js";
import { Header } from "/page/header.js";
import { Media, isMedia } from "/page/media.js";
import { collectionPath, versionPath } from "/page/artifacts.js";

const TABS = ["charts", "media", "system", "overview", "console", "files", "artifacts"];

const SHOWN_FILES = 8;

export class RunPage {
  constructor(main, entity, project, name) {
    this.path = "runs/" + [entity, project, name].map(encodeURIComponent).join("/");
    this.header = new Header(this.path, name);
    this.tabs = h("nav", { class: "tabs", "aria-label": "Parts of the run" });
    this.body = h("div");
    this.charts = new Charts(this.path, "history");
    this.system = new Charts(this.path, "events");
    this.console = new Console(this.path);
    this.media = new Media(this.path);
    main.replaceChildren(...this.header.parts, this.tabs, this.body);
    addEventListener("hashchange", () => this.show());
  }

  // Reads the run and shows what is new; says how long to wait until the next time, in milliseconds.
  async refresh() {
    this.run = await api(this.path);
    this.header.update(this.run);
    this.show();
    return running(this.run) ? 2000 : 15000;
  }

  show() {
    if (!this.run) return;
    const wanted = location.hash.slice(1);
    const tab = TABS.includes(wanted) ? wanted : "charts";
    const counts = { files: this.run.files.length, artifacts: this.run.artifacts.length, media: this.run.metrics.filter(isMedia).length };
    this.tabs.replaceChildren(...TABS.map((name) =>
      h("a", { href: "#" + name, "aria-current": name === tab ? "page" : null },
        name[0].toUpperCase() + name.slice(1), counts[name] ? h("small", {}, String(counts[name])) : null)));
    const content = this.content(tab);
    if (content !== this.body.firstChild) this.body.replaceChildren(content);
    if (tab === "charts") this.charts.update(this.run.metrics, axes(this.run.config), this.run.historyLineCount);
    if (tab === "system") this.system.update(this.run.systemMetrics, () => "_runtime", this.run.eventsLineCount);
    if (tab === "console") this.console.update(this.run.logLineCount);
    if (tab === "media") this.media.update(this.run).catch((error) => console.error(error));
  }

  content(tab) {
    if (tab === "charts") return this.charts.element;
    if (tab === "system") return this.system.element;
    if (tab === "media") return this.media.element;
    if (tab === "console") return this.console.element;
    return this.cached(tab, { overview, files, artifacts }[tab]);
  }

  // Static parts are made anew only when their data changed, so that open parts stay open.
  cached(tab, make) {
    const data = JSON.stringify([this.run.state, this.run.config, this.run.summary, this.run.files.map((f) => [f.name, f.md5]), this.run.artifacts.map((a) => [a.name, a.version, a.aliases])]);
    if (this.cache?.tab !== tab || this.cache.data !== data) this.cache = { tab, data, element: make(this.run) };
    return this.cache.element;
  }
}

function pairs(title, rows) {
  const body = rows.length
    ? h("table", { class: "pairs" }, h("tbody", {}, rows.map(([key, value]) => h("tr", {}, h("td", {}, key), h("td", {}, value)))))
    : h("div", { class: "empty" }, "Nothing yet.");
  return h("section", {}, h("h2", {}, title), h("div", { class: "panel" }, body));
}

// Machine facts hold sizes as text.
function sizes([name, value]) {
  return [name, /(^|\.)(total|used|memoryTotal)$/.test(name) && Number(value) > 0 ? bytes(Number(value)) : value];
}

function flat(value, prefix, rows) {
  for (const [key, inner] of Object.entries(value || {})) {
    const name = prefix ? prefix + "." + key : key;
    if (inner && typeof inner === "object" && !Array.isArray(inner) && !inner._type && Object.keys(inner).length) flat(inner, name, rows);
    else if (inner && typeof inner === "object" && inner._type) rows.push([name, inner._type + (inner.path ? "  " + inner.path : "")]);
    else rows.push([name, typeof inner === "number" ? number(inner) : typeof inner === "string" ? inner : JSON.stringify(inner)]);
  }
  return rows;
}

function overview(run) {
  const config = Object.fromEntries(Object.entries(run.config || {}).filter(([key]) => key !== "_wandb")
    .map(([key, entry]) => [key, entry && typeof entry === "object" && "value" in entry ? entry.value : entry]));
  const summary = Object.fromEntries(Object.entries(run.summary || {}).filter(([key]) => !key.startsWith("_")));
  const ours = run.config?._wandb?.value || {};
  const machine = Object.values(ours.e || {})[0] || {};
  const byName = (rows) => rows.sort((a, b) => a[0].localeCompare(b[0]));
  const about = [["run", run.entity + "/" + run.project + "/" + run.name], ["state", run.state], ["started", exact(run.createdAt)],
    ["last heard of", exact(run.heartbeatAt)]];
  for (const key of ["program", "commit", "repo"]) if (run[key]) about.push([key, run[key]]);
  if (ours.cli_version) about.push(["client", ours.cli_version]);
  const troubles = Object.entries(run.violations || {}).map(([kind, times]) => ["protocol: " + kind, String(times)]);
  return h("div", { class: "columns" },
    h("div", {}, pairs("Summary", byName(flat(summary, "", [])))),
    h("div", {}, pairs("Config", byName(flat(config, "", [])))),
    h("div", {}, pairs("Run", about.concat(troubles))),
    h("div", {}, pairs("Machine", flat(machine, "", []).map(sizes))));
}

function fileRows(list) {
  return list.map((file) => h("tr", {},
    h("td", { class: "file" }, h("a", { href: here(file.url), download: file.name.split("/").pop() }, file.name)),
    h("td", { class: "num quiet" }, bytes(file.size))));
}

function files(run) {
  if (!run.files.length) return h("div", { class: "empty" }, "No files yet.");
  return h("div", { class: "panel" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "Name"), h("th", { class: "num" }, "Size"))), h("tbody", {}, fileRows(run.files))));
}

function artifacts(run) {
  if (!run.artifacts.length && !run.usedArtifacts.length) return h("div", { class: "empty" }, "No artifacts yet.");
  const place = (one) => ({ entity: one.entity || run.entity, project: one.project || run.project, ...one });
  const section = (title, list) => {
    const collections = Map.groupBy ? Map.groupBy(list, (a) => a.name) : groupBy(list);
    return [...collections].map(([name, versions]) => h("section", { class: "collection panel" },
      h("header", {}, h("b", {}, h("a", { href: collectionPath(place(versions[0])) }, name)), h("span", { class: "chip" }, versions[0].type), h("span", { class: "quiet" }, title)),
      versions.reverse().map((version, at) => h("details", { class: "version", open: at === 0 },
        h("summary", {}, h("b", {}, version.version ? h("a", { class: "link", href: versionPath(place(version)) }, version.version) : version.state),
          h("span", {}, version.aliases.map((alias) => h("span", { class: "chip strong" }, alias))),
          h("span", { class: "quiet" }, version.files.length + (version.files.length === 1 ? " file" : " files") + ", " + bytes(version.size)),
          h("span", { class: "quiet end", title: exact(version.createdAt) }, when(version.createdAt))),
        version.description ? h("p", {}, version.description) : null,
        h("table", {}, h("tbody", {}, fileRows(version.files.slice(0, SHOWN_FILES)))),
        version.files.length > SHOWN_FILES ? h("p", {}, h("a", { class: "link", href: versionPath(place(version)) }, "All " + version.files.length + " files")) : null))));
  };
  return h("div", {}, section("logged by this run", run.artifacts), section("used by this run", run.usedArtifacts));
}

function groupBy(list) {
  const groups = new Map();
  for (const item of list) groups.set(item.name, [...(groups.get(item.name) || []), item]);
  return groups;
}
