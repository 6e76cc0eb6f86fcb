// Small helpers: elements from text (never markup), numbers and times for people, requests.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export async function api(path, method = "GET") {
  const answer = await fetch("/api/" + path, { method });
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    const error = new Error(body.error || "HTTP " + answer.status);
    error.status = answer.status;
    throw error;
  }
  return answer.json();
}

// Signed addresses may name another host of this machine; the page reads them from where it is.
export function here(address) {
  const url = new URL(address, location.href);
  return url.pathname.startsWith("/storage/") ? url.pathname + url.search : url.href;
}

export function runPath(run) {
  return "/" + [run.entity, run.project, "runs", run.name].map(encodeURIComponent).join("/");
}

export function badge(state) {
  return h("span", { class: "badge " + state }, state);
}

export function number(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(5)));
}

export function count(value) {
  return value.toLocaleString("en-US");
}

export function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000;
    at += 1;
  }
  return (at === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)) + " " + units[at];
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

export function when(seconds) {
  const date = new Date(seconds * 1000);
  const ago = Date.now() / 1000 - seconds;
  if (ago < 45) return "just now";
  if (ago < 3600) return Math.round(ago / 60) + " min ago";
  if (ago < 86400) return Math.round(ago / 3600) + " h ago";
  return date.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

export function exact(seconds) {
  return new Date(seconds * 1000).toLocaleString();
}

export function running(run) {
  return ["running", "pending", "preempting"].includes(run.state);
}

export function runDuration(run) {
  return (running(run) ? Date.now() / 1000 : run.heartbeatAt) - run.createdAt;
}
