// Pictures of one row, with masks and boxes laid over them.

import { h } from "/page/dom.js";
import { COLORS } from "/page/plots.js";
import { encoded, parse, text } from "/page/table.js";

// The pictures of a row's value, one or a list.
export function pictures(value) {
  if (value._type === "image-file") return [{ path: value.path, caption: value.caption, masks: value.masks, boxes: value.boxes, width: value.width, height: value.height }];
  return (value.filenames || []).map((path, at) => ({
    path, caption: (value.captions || [])[at], masks: (value.all_masks || [])[at], boxes: (value.all_boxes || [])[at], width: value.width, height: value.height,
  }));
}

// Class names by layer, from the config: `<key>_wandb_delimeter_<layer>`.
export function labels(config, kind, key, layer) {
  const all = config?._wandb?.value?.[kind + "/class_labels"] || {};
  return all[key + "_wandb_delimeter_" + layer]?.value || {};
}

export class Picture {
  // `raw`: where files of the run are read.
  constructor(picture, raw, config, key) {
    this.picture = picture;
    this.raw = raw;
    this.config = config;
    this.key = key;
    this.image = h("img", { src: raw + encoded(picture.path), alt: picture.caption || picture.path.split("/").pop(), loading: "lazy" });
    this.layer = h("canvas");
    this.names = h("div", { class: "legend" });
    this.element = h("figure", { class: "picture" }, h("a", { href: raw + encoded(picture.path), target: "_blank" }, this.image, this.layer),
      picture.caption ? h("figcaption", {}, picture.caption) : null, this.names);
    this.image.addEventListener("load", () => this.overlay());
  }

  show(masks, boxes) {
    this.wanted = { masks, boxes };
    this.overlay();
  }

  async overlay() {
    const { masks, boxes } = this.picture, width = this.image.naturalWidth, height = this.image.naturalHeight;
    if ((!masks && !boxes) || !width) return;
    const scale = Math.max(1, Math.round(420 / width));
    this.layer.width = width * scale;
    this.layer.height = height * scale;
    const pen = this.layer.getContext("2d"), seen = new Map(), wanted = this.wanted || { masks: true, boxes: true };
    pen.imageSmoothingEnabled = false;
    if (wanted.masks) for (const [layer, mask] of Object.entries(masks || {})) await this.mask(pen, layer, mask, seen).catch(() => {});
    if (wanted.boxes) for (const [layer, box] of Object.entries(boxes || {})) await this.boxes(pen, layer, box, seen).catch(() => {});
    this.names.replaceChildren(...[...seen].map(([name, color]) => {
      const dot = h("i", { class: "dot" });
      dot.style.background = color;
      return h("span", {}, dot, name);
    }));
  }

  async mask(pen, layer, mask, seen) {
    const names = labels(this.config, "mask", this.key, layer);
    const image = new Image();
    image.src = this.raw + encoded(mask.path);
    await image.decode();
    const sheet = document.createElement("canvas");
    sheet.width = image.naturalWidth;
    sheet.height = image.naturalHeight;
    const under = sheet.getContext("2d");
    under.drawImage(image, 0, 0);
    const pixels = under.getImageData(0, 0, sheet.width, sheet.height), used = new Set();
    for (let at = 0; at < pixels.data.length; at += 4) {
      const id = pixels.data[at];
      used.add(id);
      const color = id === 0 ? null : COLORS[id % COLORS.length];
      pixels.data[at] = color ? parseInt(color.slice(1, 3), 16) : 0;
      pixels.data[at + 1] = color ? parseInt(color.slice(3, 5), 16) : 0;
      pixels.data[at + 2] = color ? parseInt(color.slice(5, 7), 16) : 0;
      pixels.data[at + 3] = color ? 130 : 0;
    }
    under.putImageData(pixels, 0, 0);
    pen.drawImage(sheet, 0, 0, this.layer.width, this.layer.height);
    for (const id of used) if (id !== 0) seen.set(layer + ": " + (names[id] ?? id), COLORS[id % COLORS.length]);
  }

  async boxes(pen, layer, box, seen) {
    const data = box.box_data ? box : parse(await text(this.raw + encoded(box.path)));
    const names = data.class_labels || labels(this.config, "bounding_box", this.key, layer);
    const fullWidth = this.image.naturalWidth, fullHeight = this.image.naturalHeight;
    for (const one of data.box_data || []) {
      const pixel = one.domain === "pixel", p = one.position || {};
      const [wide, high] = pixel ? [this.layer.width / fullWidth, this.layer.height / fullHeight] : [this.layer.width, this.layer.height];
      const w = p.middle ? p.width : p.maxX - p.minX, t = p.middle ? p.height : p.maxY - p.minY;
      const x = p.middle ? p.middle[0] - w / 2 : p.minX, y = p.middle ? p.middle[1] - t / 2 : p.minY;
      const color = COLORS[(one.class_id || 0) % COLORS.length];
      pen.strokeStyle = color;
      pen.lineWidth = 2;
      pen.strokeRect(x * wide, y * high, w * wide, t * high);
      const label = one.box_caption || names[one.class_id];
      if (label) {
        pen.font = "12px sans-serif";
        const size = pen.measureText(label).width + 8, top = Math.max(y * high - 17, 0);
        pen.fillStyle = color;
        pen.fillRect(x * wide - 1, top, size, 17);
        pen.fillStyle = "#fff";
        pen.fillText(label, x * wide + 3, top + 13);
      }
      seen.set(layer + ": " + (names[one.class_id] ?? one.class_id), color);
    }
  }
}
