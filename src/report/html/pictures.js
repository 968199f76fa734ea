"use strict";
// Histograms and heat maps. A share of the tolerance is a level: 0 not known, 1 no error, WHOLE the tolerance itself.
const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
const WHOLE = 22, LAST = 62, INFINITE = 63;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The upper end of a bin, short: ½, 512, 2¹², ∞. */
function upper(bin) {
  const end = Number(data.bins[bin]);
  if (bin === 0) return "0";
  if (!Number.isFinite(end)) return bin === data.bins.length - 1 ? "∞" : ">2⁴⁰";
  if (end === 0.5) return "½";
  return end < 1000 ? String(end) : "2" + [...String(Math.log2(end))].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
}

/** How many elements of an array have an error up to so many ULP, from none to the last bin of all engines. */
function histogram(engine, array, last) {
  const height = 64, step = Math.min(18, 240 / (last + 1)), width = (last + 1) * step;
  const most = Math.max(...array.histogram.map(([, count]) => count));
  const bars = array.histogram.map(([bin, count]) => {
    const tall = Math.max(2, (count / most) * height);
    const title = svg("title", {}, `≤ ${upper(bin)} ULP: ${count}`);
    return svg("rect", { x: bin * step + 0.5, y: height - tall, width: Math.max(1, step - 1.5), height: tall, rx: 1 }, title);
  });
  const every = Math.max(1, Math.ceil(26 / step));
  const labels = [];
  for (let bin = 0; bin <= last; bin += every) {
    labels.push(svg("text", { x: bin * step + step / 2, y: height + 13 }, upper(bin)));
  }
  const axis = svg("line", { x1: 0, x2: width, y1: height + 0.5, y2: height + 0.5 });
  const label = say("histogram_label", engine, array.elements, array.worst[2]);
  return make("figure", { class: array.map ? "differs" : "" }, make("figcaption", {}, make("b", {}, engine), make("small", {}, `≤ ${array.worst[2]} ULP`)),
    svg("svg", { role: "img", "aria-label": label, viewBox: `-10 0 ${width + 20} ${height + 18}`, width: width + 20, height: height + 18 },
      ...bars, axis, ...labels));
}

function colour(level) {
  const night = isDark();
  if (level === INFINITE) return night ? "oklch(0.75 0.25 330)" : "oklch(0.5 0.25 330)";
  if (level === 0) return night ? "oklch(0.24 0 0)" : "oklch(0.95 0 0)";
  if (level <= WHOLE) {
    const t = (level - 1) / (WHOLE - 1);
    return night ? `oklch(${0.3 + 0.25 * t} ${0.02 + 0.09 * t} 245)` : `oklch(${0.96 - 0.22 * t} ${0.012 + 0.085 * t} 245)`;
  }
  // Most defects are beyond by less than a thousand times: that is where shades are spent.
  const t = Math.sqrt((level - WHOLE) / (LAST - WHOLE));
  return night ? `oklch(${0.86 - 0.26 * t} ${0.13 + 0.09 * t} ${85 - 60 * t})` : `oklch(${0.84 - 0.42 * t} ${0.14 + 0.05 * t} ${75 - 50 * t})`;
}

const clamp = (low, value, high) => Math.max(low, Math.min(high, value));

/** Blocks are samples; within one, bands are groups, lines channels, columns the elements of a channel. Where a
 * channel has one element, lines are groups and columns channels. */
function layout({ cells: [samples, groups, channels, inner] }) {
  const flat = inner === 1;
  const [lines, columns] = flat ? [groups, channels] : [groups * channels, inner];
  const w = clamp(2, Math.floor(340 / columns), 18), h = clamp(3, Math.floor(240 / lines), 18);
  const gap = flat ? 0 : 4, left = 26, top = 16;
  const blockWidth = columns * w + left + 14, blockHeight = lines * h + (groups - 1) * gap + top + 8;
  const across = clamp(1, Math.floor(560 / blockWidth), samples);
  const of = (index) => {
    const inBlock = index % (lines * columns), line = Math.floor(inBlock / columns);
    const sample = Math.floor(index / (lines * columns)), group = flat ? line : Math.floor(line / channels);
    const x = (sample % across) * blockWidth + left + (inBlock % columns) * w;
    const y = Math.floor(sample / across) * blockHeight + top + line * h + group * gap;
    return [x, y];
  };
  return { of, w, h, left, top, lines, columns, flat, blockWidth, blockHeight, across, gap,
    bandHeight: flat ? h : channels * h, width: across * blockWidth, height: Math.ceil(samples / across) * blockHeight };
}

function heatMap(engine, array) {
  const { map } = array, plan = layout(map);
  const levels = [...map.shares].map((letter) => LETTERS.indexOf(letter));
  const title = say("heat_map_of", array.name, engine === "sides" ? say("sides") : engine);
  const canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": say("heat_map_label", title, array.beyond, array.elements) });
  const output = make("output", { "aria-live": "polite" }, say("cell_hint"));
  let at = -1;
  canvas.draw = () => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = plan.width * ratio;
    canvas.height = plan.height * ratio;
    canvas.style.inlineSize = plan.width + "px";
    canvas.style.aspectRatio = `${plan.width} / ${plan.height}`;
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
    context.scale(ratio, ratio);
    levels.forEach((level, index) => {
      const [x, y] = plan.of(index);
      context.fillStyle = colour(level);
      context.fillRect(x, y, plan.w - (plan.w > 4 ? 1 : 0), plan.h - (plan.h > 4 ? 1 : 0));
    });
    context.fillStyle = style.color;
    context.font = "11px system-ui, sans-serif";
    const [samples, groups] = map.cells;
    for (let sample = 0; sample < samples; sample++) {
      const [x, y] = plan.of(sample * plan.lines * plan.columns);
      context.textAlign = "left";
      context.fillText(say("sample", sample * map.covers[0]), x, y - 5);
      context.textAlign = "right";
      const every = Math.max(1, Math.ceil(12 / (plan.bandHeight + plan.gap)));
      for (let group = 0; group < groups; group += every) {
        context.fillText(group * map.covers[1], x - 5, y + group * (plan.bandHeight + plan.gap) + plan.bandHeight / 2 + 4);
      }
    }
    if (at >= 0) {
      const [x, y] = plan.of(at);
      context.strokeStyle = style.color;
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, plan.w + 1, plan.h + 1);
    }
  };
  const point = (index) => {
    if (index < 0 || index >= levels.length || index === at) return;
    at = index;
    output.textContent = describe(map, at, levels[at]);
    canvas.draw();
  };
  canvas.addEventListener("pointermove", (event) => {
    const scale = plan.width / canvas.clientWidth;
    const [x, y] = [event.offsetX * scale, event.offsetY * scale];
    point(levels.findIndex((_, index) => {
      const [left, top] = plan.of(index);
      return x >= left && x < left + plan.w && y >= top && y < top + plan.h;
    }));
  });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -plan.columns, ArrowDown: plan.columns }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    point(at < 0 ? 0 : at + by);
  });
  const covered = map.covers.reduce((product, n) => product * n, 1);
  return make("figure", { class: "map" }, make("figcaption", {}, make("b", {}, title),
    make("small", {}, say("of", array.beyond, array.elements))),
    make("div", { class: "scroll" }, canvas), output,
    covered > 1 ? make("small", { class: "quiet" }, say("covers", covered)) : null);
}

/** Where a cell is, and what is there. */
function describe({ cells, covers }, index, level) {
  const at = [0, 0, 0, 0];
  for (let axis = 3, rest = index; axis >= 0; axis--) {
    at[axis] = rest % cells[axis];
    rest = Math.floor(rest / cells[axis]);
  }
  const range = (axis) => (covers[axis] === 1 ? at[axis] : `${at[axis] * covers[axis]}–${(at[axis] + 1) * covers[axis] - 1}`);
  const where = [say("sample", range(0)), say("group", range(1)), say("channel", range(2))];
  if (cells[3] > 1) where.push(say("element", range(3)));
  const share = 2 ** ((level - WHOLE) / 2);
  const what = level === 0 ? say("not_stored") : level === 1 ? say("no_error") : level === INFINITE ? say("infinite")
    : say("times", share < 1000 && share >= 0.001 ? Number(share.toPrecision(3)) : share.toExponential(1));
  return `${where.join(", ")}: ${what}`;
}

/** The colours, from no error to an infinity. */
function scale() {
  const canvas = make("canvas", { class: "scale", "aria-hidden": "true" });
  canvas.draw = () => {
    const ratio = window.devicePixelRatio || 1, step = 5;
    canvas.width = 63 * step * ratio;
    canvas.height = 10 * ratio;
    canvas.style.inlineSize = 63 * step + "px";
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    for (let level = 1; level <= INFINITE; level++) {
      context.fillStyle = colour(level);
      context.fillRect((level - 1) * step, 0, step, 10);
    }
  };
  const mark = (level, text) => make("span", { style: `inset-inline-start:${((level - 0.5) / 63) * 100}%` }, text);
  return make("div", { class: "key quiet" }, make("span", {}, say("scale")),
    make("div", { class: "marked" }, canvas, make("div", { class: "marks", "aria-hidden": "true" },
      mark(1, "0"), mark(WHOLE, "1"), mark(WHOLE + 20, "10³"), mark(WHOLE + 33, "10⁵"), mark(INFINITE, "∞"))));
}
