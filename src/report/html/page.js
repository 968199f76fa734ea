"use strict";
// The cases, their filters and the two languages. A case is made when it is opened; pictures.js draws its pictures.
const words = JSON.parse(document.getElementById("words").textContent);
const data = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filters");
const list = document.getElementById("cases");
const about = document.getElementById("about");
let language = "en";

// --- Words

function say(key, ...args) {
  const text = words[key]?.[language] ?? key;
  return text.replace(/\{(\d)\}/g, (_, at) => args[at] ?? "");
}

function translate(root) {
  for (const node of root.querySelectorAll("[data-w]")) {
    node.textContent = say(node.dataset.w, ...JSON.parse(node.dataset.wArgs ?? "[]"));
  }
  for (const node of root.querySelectorAll("[data-w-label]")) {
    node.title = say(node.dataset.wLabel, ...JSON.parse(node.dataset.wArgs ?? "[]"));
    node.setAttribute("aria-label", node.title);
  }
  for (const node of root.querySelectorAll("[data-w-placeholder]")) {
    node.placeholder = say(node.dataset.wPlaceholder);
  }
}

/** What the reader chose the last time; a page from disk may have nowhere to keep it. */
const kept = {
  get(key) { try { return localStorage.getItem("mapcheck." + key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem("mapcheck." + key, value); } catch { /* not kept */ } },
};

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  translate(document);
  const button = document.getElementById("language");
  const [other, name] = language === "zh" ? ["en", "English"] : ["zh-CN", "中文"];
  button.textContent = name;
  button.lang = other;
  button.setAttribute("aria-label", words.language[language === "zh" ? "en" : "zh"]);
  // A narrow screen names the engine in every cell.
  for (const cell of document.querySelectorAll("#rows [data-engine=sides]")) cell.dataset.name = say("sides");
  options();
  for (const item of list.children) summarise(item);
  for (const item of list.querySelectorAll(":scope > details[open]")) open(item);
  filter();
}

// --- Elements

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const pill = (verdict) => make("span", { class: "pill " + verdict }, say(verdict));
/** A share of the tolerance: 25%, 40×, 1.5e8×. */
function percent(share) {
  if (!Number.isFinite(share)) return "∞";
  if (share < 10) return Math.ceil(share * 100) + "%";
  return (share < 1e4 ? Math.round(share) : share.toExponential(1).replace("+", "")) + "×";
}

function bar(share) {
  const width = Math.min(100, Math.ceil(share * 100));
  return make("span", { class: "bar" + (share > 1 ? " over" : ""), "aria-hidden": "true" },
    make("i", { style: `inline-size:${Number.isFinite(share) ? width : 100}%` }));
}

// --- Filters

const chosen = () => Object.fromEntries(new FormData(form));

function choices(name, entries) {
  const select = form.elements[name], before = select.value;
  select.replaceChildren(new Option(say("any"), ""), ...entries.map(([value, text]) => new Option(text, value)));
  select.value = before;
}

function options() {
  choices("row", data.rows.map((row, at) => [at, `${row.number} ${row.name}`]));
  choices("engine", data.engines.map((name) => [name, name === "sides" ? say("sides") : name]));
  const dtypes = new Set(data.checks.map((check) => check.case?.[1]).filter(Boolean));
  choices("dtype", [...dtypes].map((name) => [name, name]));
  const verdicts = new Set(data.checks.flatMap((check) => check.asked.map((asked) => asked.verdict)));
  const order = ["refuted", "stale", "unchecked", "vacuous", "holds", "not_asked"];
  choices("verdict", order.filter((verdict) => verdicts.has(verdict)).map((verdict) => [verdict, say(verdict)]));
}

/** Everything of a case that a reader may look for. */
function haystack(check) {
  const shared = check.case ? data.cases[check.case[0]] : {};
  const said = check.asked.flatMap((asked) => [asked.note, ...(asked.findings ?? []).map(([text]) => text),
    ...(asked.arrays ?? []).flatMap((array) => both(array.off))]);
  return [check.name, check.place, shared.yaml, ...both(shared.why), check.torch?.[1], check.mindspore?.[1], ...said].join("\n").toLowerCase();
}

/** A text in both languages, whichever is shown. */
const both = (text) => (text ? [text.en, text.zh] : []);

const differs = (asked) => (asked.arrays ?? []).some((array) => array.map || array.off !== undefined || array.beyond > 0);

function fits(check, filters) {
  if (filters.row && check.row !== Number(filters.row)) return false;
  if (filters.dtype && check.case?.[1] !== filters.dtype) return false;
  let asked = check.asked;
  if (filters.engine) asked = asked.filter((one) => data.engines[one.engine] === filters.engine);
  if (filters.verdict) {
    const worst = filters.engine ? asked.map((one) => one.verdict) : [check.verdict];
    if (!worst.includes(filters.verdict)) return false;
  } else if (filters.engine && asked.every((one) => one.verdict === "not_asked")) return false;
  if (filters.pictures && !asked.some(differs)) return false;
  check.haystack ??= haystack(check);
  return (filters.text ?? "").toLowerCase().split(/\s+/).every((word) => check.haystack.includes(word));
}

function filter() {
  const filters = chosen();
  let shown = 0;
  for (const item of list.querySelectorAll(":scope > details")) {
    item.hidden = !fits(data.checks[item.dataset.check], filters);
    shown += item.hidden ? 0 : 1;
  }
  const lost = data.unpictured ? " " + say("unpictured", data.unpictured) : "";
  document.getElementById("count").textContent =
    (shown ? say("showing", shown, data.checks.length) : say("none_fits")) + lost;
  for (const button of document.querySelectorAll("#rows button")) {
    const row = button.closest("tr").dataset.row;
    button.setAttribute("aria-pressed", String(row === filters.row && button.dataset.engine === filters.engine));
  }
  tell(filters);
  const state = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  try { history.replaceState(null, "", state ? "#" + state : location.pathname); } catch { /* not from this disk */ }
}

/** The row that is chosen: the difference in words, and its notes. */
function tell(filters) {
  about.hidden = filters.row === "";
  if (about.hidden) return;
  const at = Number(filters.row), row = data.rows[at];
  const engine = filters.engine;
  const notes = data.notes.filter((note) =>
    note.rows.some(([of]) => of === at) && (!engine || note.of.includes(engine)));
  const close = make("button", { type: "button", class: "close" }, say("close"));
  close.addEventListener("click", () => form.reset());
  const names = [row.torch, row.mindspore].map((name) => make("code", {}, name ?? "–"));
  about.replaceChildren(...[
    close,
    make("h3", {}, `${row.number} `, names[0], " → ", names[1], engine ? ` · ${engine === "sides" ? say("sides") : engine}` : ""),
    row.difference && make("p", { class: "difference" }, row.difference[language]),
    notes.length ? make("ul", { class: "notes" }, notes.map((note) => told(note, at)))
      : make("p", { class: "quiet" }, say("no_notes")),
  ].filter(Boolean));
}

function told(note, row) {
  const [, check, count, error] = note.rows.find(([of]) => of === row);
  const link = make("a", { href: "#", class: "name" }, check);
  link.addEventListener("click", (event) => { event.preventDefault(); visit(check); });
  const more = count > 1 ? say("and_more", count - 1) : "";
  return make("li", {},
    make("span", { class: "of" }, note.of.map((name) => (name === "sides" ? say("sides") : name)).join(say("comma"))), " ",
    note.text[language],
    make("div", { class: "quiet" }, error ? say("off_by", ...error) : "", link, more));
}

/** Opens a case by name, and goes there. */
function visit(name) {
  const at = data.checks.findIndex((check) => check.name === name);
  const item = list.children[at];
  if (!item) return;
  if (item.hidden) form.reset();
  item.open = true;
  item.querySelector("summary").focus();
  item.scrollIntoView({ block: "start" });
}

// --- Cases

function summarise(item) {
  const check = data.checks[item.dataset.check];
  const [, dtype, layout] = check.case ?? [];
  const [row, name] = check.name.split("/");
  const kind = name === "signature" ? say("signature_check") : name === "default" ? say("default_check") : name;
  const held = check.asked.flatMap((asked) => asked.arrays ?? []).filter((array) => array.off === undefined);
  const used = Math.max(0, ...held.map((array) => Number(array.used)));
  const squares = check.asked.map((asked) => make("i", { class: asked.verdict + (differs(asked) ? " off" : ""),
    title: `${data.engines[asked.engine]}: ${say(asked.verdict)}` }));
  item.firstChild.replaceChildren(
    pill(check.verdict),
    make("span", { class: "name" }, make("span", { class: "quiet" }, row + "/"), kind),
    make("span", { class: "kind quiet" }, [dtype, layout === "contiguous" ? null : layout && say(layout)].filter(Boolean).join(" ")),
    make("span", { class: "engines", "aria-hidden": "true" }, squares),
    make("span", { class: "share" }, used > 0 ? [bar(used), make("span", {}, percent(used))] : null));
}

function open(item) {
  const check = data.checks[item.dataset.check];
  const shared = check.case ? data.cases[check.case[0]] : null;
  const command = `cargo xtask check ${data.mapping}/${check.name}`;
  const facts = make("dl", { class: "facts" },
    make("dt", {}, say("stated_at")), make("dd", {}, make("code", {}, check.place)),
    make("dt", {}, say("again")), make("dd", {}, make("code", {}, command), " ", copies(command)));
  const written = [[say("the_spec"), shared?.yaml], ["PyTorch", check.torch?.[1], check.torch?.[0]],
    ["MindSpore", check.mindspore?.[1], check.mindspore?.[0]]].filter(([, text]) => text).map((of) => code(...of));
  const detail = make("div", { class: "detail" },
    shared?.why ? make("p", { class: "why" }, shared.why[language]) : null,
    facts,
    check.case && !check.case[4] ? make("p", { class: "quiet" }, say("rejected_call")) : null,
    written.length ? make("div", { class: "calls" }, written) : null,
    make("h4", {}, say("answers")), answers(check), pictures(check));
  item.querySelector(".detail")?.remove();
  item.append(detail);
  detail.querySelectorAll("canvas").forEach((canvas) => canvas.draw());
}

/** A button that copies a text. */
function copies(text) {
  const button = make("button", { type: "button" }, say("copy"));
  button.addEventListener("click", () =>
    navigator.clipboard?.writeText(text).then(() => { button.textContent = say("copied"); }, () => {}));
  return button;
}

/** A text as code. What a script sets up first is shared by many, and long: it is folded away, and copied with the rest. */
function code(title, text, setup) {
  const block = (text) => make("pre", { tabindex: "0", "aria-label": title, role: "region" }, make("code", {}, text.trim()));
  const before = data.setups[setup] ?? "";
  return make("figure", {}, make("figcaption", {}, title, copies(before + text)),
    before && make("details", { class: "setup" }, make("summary", {}, say("setup")), block(before)), block(text));
}

function answers(check) {
  const columns = ["engine", "verdict", "array", "tolerance", "share_used", "beyond", "worst_ulp", "worst_absolute", "worst_relative"];
  const table = make("table", { class: "answers" }, make("thead", {}, make("tr", {},
    columns.map((key) => make("th", { scope: "col" }, say(key))))));
  for (const asked of check.asked) {
    const body = make("tbody", { class: asked.verdict });
    const arrays = asked.arrays ?? [], texts = [...(asked.findings ?? []), ...(asked.note ? [[asked.note]] : [])];
    const name = data.engines[asked.engine];
    const head = [
      make("th", { scope: "rowgroup", rowspan: Math.max(1, arrays.length) + texts.length }, name === "sides" ? say("sides") : name),
      make("td", { rowspan: Math.max(1, arrays.length) }, pill(asked.verdict))];
    if (!arrays.length) body.append(make("tr", {}, head, make("td", { colspan: 7 })));
    arrays.forEach((array, at) => body.append(make("tr", {}, at ? null : head, values(array))));
    for (const [text, elements] of texts) {
      // The numbers of it are told in Chinese; what else there is to say is in English.
      const said = language === "zh" && elements ? say(elements[3] ? "sides_differ" : "are_beyond", ...elements) : null;
      body.append(make("tr", { class: "said" }, make("td", { colspan: 8 },
        make("span", { lang: said ? null : "en" }, said ?? text))));
    }
    table.append(body);
  }
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": say("answers") }, table);
}

function values(array) {
  const used = Number(array.used);
  const spot = (which) => {
    const error = array.worst[which], [at, group, got, exact] = array.spots?.[which] ?? [];
    if (at === undefined) return make("td", { class: "spot" }, error);
    const where = group === null ? at : say("in_group", at, group);
    return make("td", { class: "spot" }, error, make("small", {}, say("worst_spot", where, got, exact)));
  };
  return [
    make("td", {}, make("code", {}, array.name)),
    make("td", { class: "held" }, array.off === undefined ? array.tolerance
      : [make("span", { class: "known" }, say("known_off")), make("small", {}, array.off[language])]),
    make("td", {}, make("span", { class: "share" }, bar(used), make("span", {}, percent(used)))),
    make("td", { class: "number" }, say("of", array.beyond, array.elements)),
    spot(2), spot(0), spot(1)];
}

function pictures(check) {
  const named = new Map();
  for (const asked of check.asked) {
    for (const array of asked.arrays ?? []) {
      if (!array.histogram) continue;
      if (!named.has(array.name)) named.set(array.name, []);
      named.get(array.name).push({ engine: data.engines[asked.engine], array });
    }
  }
  const differing = [...named].filter(([, of]) => of.some(({ array }) => array.map));
  if (!differing.length) return null;
  return make("div", { class: "pictures" }, make("h4", {}, say("pictures")), differing.map(([name, of]) => {
    const engines = of.filter(({ engine }) => engine !== "sides");
    const last = Math.max(1, ...engines.flatMap(({ array }) => array.histogram.map(([bin]) => bin)));
    return make("section", {}, make("h5", {}, say("histogram_of", name)),
      make("div", { class: "histograms" }, engines.map(({ engine, array }) => histogram(engine, array, last))),
      make("div", { class: "maps" }, of.filter(({ array }) => array.map).map(({ engine, array }) => heatMap(engine, array))),
      scale());
  }));
}

// --- What happens

data.checks.forEach((check, at) => {
  const item = make("details", { "data-check": at, class: "case " + check.verdict }, make("summary", {}));
  item.addEventListener("toggle", () => { if (item.open && !item.querySelector(".detail")) open(item); });
  list.append(item);
});

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => queueMicrotask(filter));
document.getElementById("rows").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const isPressed = button.getAttribute("aria-pressed") === "true";
  form.elements.row.value = isPressed ? "" : button.closest("tr").dataset.row;
  form.elements.engine.value = isPressed ? "" : button.dataset.engine;
  filter();
  if (!isPressed) about.scrollIntoView({ block: "nearest" });
});
document.getElementById("language").addEventListener("click", () => {
  speak(language === "zh" ? "en" : "zh");
  kept.set("language", language);
});

const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
const redraw = () => list.querySelectorAll("canvas").forEach((canvas) => canvas.draw());
document.getElementById("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  kept.set("theme", document.documentElement.dataset.theme);
  redraw();
});
dark.addEventListener("change", redraw);
if (kept.get("theme")) document.documentElement.dataset.theme = kept.get("theme");
const state = new URLSearchParams(location.hash.slice(1));
speak(kept.get("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
for (const [name, value] of state) {
  const field = form.elements[name];
  if (field) field[field.type === "checkbox" ? "checked" : "value"] = field.type === "checkbox" ? true : value;
}
filter();
