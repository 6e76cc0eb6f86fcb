// Artifacts of a project: the list of collections, and one version with files, metadata and lineage.

import { api, bytes, count, exact, h, here, runPath, when } from "/page/dom.js";
import { lineage } from "/page/lineage.js";
import { TableView, artifactPath, encoded, open, parse, text } from "/page/table.js";

const TABS = ["files", "metadata", "lineage", "versions"];
const MOST_TABLE_BYTES = 64e6;

export const collectionPath = ({ entity, project, type, name }) => "/" + [entity, project, "artifacts", type, name].map(encodeURIComponent).join("/");
export const versionPath = (place) => collectionPath(place) + "/" + encodeURIComponent(place.version || "latest");

const chips = (names, strong) => names.map((name) => h("span", { class: strong ? "chip strong" : "chip" }, name));

export class ArtifactsPage {
  constructor(main, entity, project) {
    this.main = main;
    this.path = "artifacts/" + [entity, project].map(encodeURIComponent).join("/");
    document.title = "Artifacts · " + project;
  }

  async refresh() {
    const list = await api(this.path);
    const state = JSON.stringify(list) + Math.floor(Date.now() / 30000);
    if (state !== this.state) this.main.replaceChildren(...(list.length ? types(list) : [h("div", { class: "empty panel" }, "No artifacts yet.")]));
    this.state = state;
    return 5000;
  }
}

function types(list) {
  const groups = new Map();
  for (const one of list) groups.set(one.type, [...(groups.get(one.type) || []), one]);
  return [...groups].sort().map(([type, rows]) => h("section", { class: "project" },
    h("h2", {}, type, h("small", {}, rows.length + (rows.length === 1 ? " name" : " names"))),
    h("div", { class: "panel scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Name", "Latest", "Versions", "Size", "Changed"].map((title) => h("th", {}, title)))),
      h("tbody", {}, rows.map((one) => h("tr", { class: "go" },
        h("td", { class: "name" }, h("a", { href: collectionPath(one) }, one.name), one.kind === "portfolio" ? h("small", {}, "linked versions") : null, one.description ? h("small", {}, one.description) : null, one.tags.length ? h("div", { class: "tags" }, chips(one.tags)) : null),
        h("td", {}, one.latest ? h("a", { href: versionPath(one.latest), class: "link" }, one.latest.version) : "–"),
        h("td", { class: "quiet" }, count(one.count)),
        h("td", { class: "quiet" }, one.latest ? bytes(one.latest.size) : ""),
        h("td", { class: "quiet", title: exact(one.latest?.createdAt || one.createdAt) }, when(one.latest?.createdAt || one.createdAt)))))))));
}

export class ArtifactPage {
  constructor(main, entity, project, type, name, version) {
    this.main = main;
    this.place = { entity, project, type, name, version: version || "latest" };
    this.path = artifactPath(this.place).replace("/api/", "");
    this.head = h("div");
    this.tabs = h("nav", { class: "tabs", "aria-label": "Parts of the artifact" });
    this.body = h("div");
    main.replaceChildren(this.head, this.tabs, this.body);
    addEventListener("hashchange", () => this.show());
  }

  async refresh() {
    const collection = this.path.split("/").slice(0, -1).join("/");
    const [version, all] = await Promise.all([api(this.path), api(collection)]);
    const state = JSON.stringify([{ ...version, files: version.files.map((file) => [file.name, file.md5]), manifest: "" }, all.versions]);
    if (state !== this.state) {
      this.version = version;
      this.all = all;
      this.cache = {};
      this.title();
      this.show();
    }
    this.state = state;
    return 10000;
  }

  title() {
    const v = this.version;
    document.title = v.name + ":" + v.version + " · " + v.project;
    const fact = (label, value, title) => h("span", { title }, label + " ", h("b", {}, value));
    const by = v.run ? h("span", {}, "Logged by ", h("b", {}, h("a", { class: "link", href: runPath(v.run) }, v.run.displayName))) : null;
    this.head.replaceChildren(
      h("div", { class: "title" }, h("h1", {}, v.name + ":" + v.version), h("span", {}, chips(v.aliases, true)), h("span", { class: "chip" }, v.type)),
      h("p", { class: "facts" }, by, fact("Created", when(v.createdAt), exact(v.createdAt)), fact("Files", count(v.fileCount)), fact("Size", bytes(v.size)),
        v.historyStep ? fact("Step", count(v.historyStep)) : null, v.ttl > 0 ? fact("Lives", (v.ttl / 86400).toFixed(1) + " days") : null, fact("Digest", v.digest.slice(0, 12), v.digest),
        v.links.map((link) => h("span", {}, "Linked to ", h("a", { class: "link", href: versionPath(link) }, link.project + "/" + link.name + ":" + link.version)))),
      v.tags.length ? h("div", { class: "tags" }, chips(v.tags)) : "", v.description ? h("p", { class: "notes" }, v.description) : "");
  }

  show() {
    if (!this.version) return;
    const wanted = location.hash.slice(1), tab = TABS.includes(wanted) ? wanted : "files";
    const counts = { files: this.version.fileCount, versions: this.all.versions.length };
    this.tabs.replaceChildren(...TABS.map((name) => h("a", { href: "#" + name, "aria-current": name === tab ? "page" : null }, name[0].toUpperCase() + name.slice(1), counts[name] ? h("small", {}, count(counts[name])) : null)));
    this.cache[tab] = this.cache[tab] || { files: () => this.files(), metadata: () => this.metadata(), lineage: () => lineage(this.version), versions: () => this.versions() }[tab]();
    this.body.replaceChildren(this.cache[tab]);
  }

  files() {
    const viewer = h("div"), body = h("tbody"), more = h("button", { type: "button", class: "plain", hidden: true }, "More files");
    let shown = 0;
    const add = (files) => {
      body.append(...files.map((file) => this.file(file, viewer)));
      shown += files.length;
      more.hidden = shown >= this.version.fileCount;
    };
    more.addEventListener("click", async () => add((await api(this.path + "?from=" + shown)).files));
    add(this.version.files);
    const first = this.version.files.find((file) => /\.table\.json$/.test(file.name) && file.size < MOST_TABLE_BYTES);
    if (first) this.table(first, viewer);
    return h("div", {}, viewer, h("div", { class: "panel" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Name"), h("th", { class: "num" }, "Size"), h("th", {}, "Digest"))), body)), h("div", { class: "pager" }, more,
      this.version.manifest ? h("a", { class: "link", href: here(this.version.manifest), download: "wandb_manifest.json" }, "Manifest") : null));
  }

  file(file, viewer) {
    const raw = "/" + "api/" + this.path + "/raw/" + encoded(file.name), far = file.ref && !/^wandb-(client-)?artifact:/.test(file.ref);
    const name = far ? h("span", {}, file.name, h("small", { class: "quiet" }, "  → " + file.ref)) : h("a", { href: raw, download: file.name.split("/").pop() }, file.name);
    const view = /\.table\.json$/.test(file.name) ? h("button", { type: "button", class: "plain", onclick: () => this.table(file, viewer) }, "View") : null;
    const picture = /\.(png|jpe?g|gif|bmp)$/i.test(file.name) && !far ? h("img", { src: raw, class: "thumb small", loading: "lazy", alt: "" }) : null;
    return h("tr", {}, h("td", { class: "file" }, picture, name, " ", view), h("td", { class: "num quiet" }, bytes(file.size)), h("td", { class: "quiet digest", title: file.md5 }, file.md5.slice(0, 16)));
  }

  async table(file, viewer) {
    const base = "/api/" + this.path;
    try {
      const table = open(parse(await text(base + "/raw/" + encoded(file.name))), base);
      viewer.replaceChildren(h("h2", { class: "above" }, file.name), new TableView(table).element);
    } catch (error) {
      viewer.replaceChildren(h("div", { class: "empty" }, file.name + " cannot be shown: " + error.message));
    }
  }

  metadata() {
    const rows = Object.entries(this.version.metadata || {});
    if (!rows.length) return h("div", { class: "empty panel" }, "No metadata.");
    return h("div", { class: "panel" }, h("table", { class: "pairs" }, h("tbody", {}, rows.map(([key, value]) =>
      h("tr", {}, h("td", {}, key), h("td", {}, typeof value === "string" ? value : JSON.stringify(value, null, 1)))))));
  }

  versions() {
    return h("div", { class: "panel scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Version", "Aliases", "Files", "Size", "Run", "Created"].map((title) => h("th", {}, title)))),
      h("tbody", {}, this.all.versions.map((v) => h("tr", { class: "go" }, h("td", { class: "name" }, h("a", { href: versionPath(v) }, v.version)), h("td", {}, chips(v.aliases, true), chips(v.tags)),
        h("td", { class: "quiet" }, count(v.fileCount)), h("td", { class: "quiet" }, bytes(v.size)), h("td", {}, v.run ? h("a", { class: "link", href: runPath(v.run) }, v.run.displayName) : "–"),
        h("td", { class: "quiet", title: exact(v.createdAt) }, when(v.createdAt)))))));
  }
}
