// Sections of texts, plots and tables; a plot is drawn when it comes near, in the colours of day or night.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const language = document.documentElement.lang;
const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map(); // the place of each plot that was drawn, and its figure
const PRINTED_WIDTH = 1000; // pixels; the style makes them fit a sheet of A4

Plotly.register({ moduleType: "locale", name: language, dictionary: data.buttons, format: {} });

function element(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

function isNight() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "night" : dark.matches;
}

function inColours(figure, night) {
  if (!night) return structuredClone(figure);
  let text = JSON.stringify(figure);
  for (const [day, other] of data.night) text = text.replaceAll(day, other);
  return JSON.parse(text);
}

function draw(place, night = isNight(), width = null) {
  const { data: traces, layout, frames } = inColours(drawn.get(place), night);
  if (width) layout.width = width;
  const config = {
    responsive: true, displaylogo: false, locale: language, showTips: false, toImageButtonOptions: { scale: 2 },
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    showSendToCloud: false, plotlyServerURL: "", // a page sends nothing anywhere
  };
  Plotly.purge(place);
  Plotly.newPlot(place, { data: traces, layout, config, frames: frames || [] });
}

function drawAll(night, width) {
  drawn.forEach((_, place) => draw(place, night, width));
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting || drawn.has(target)) continue;
    watcher.unobserve(target);
    drawn.set(target, target.figure);
    draw(target);
  }
}, { rootMargin: "800px 0px" });

function plotOf(figure) {
  const around = element("div", "plot"), place = around.appendChild(element("div", "drawing"));
  place.style.minHeight = `${figure.layout.height || 420}px`;
  place.figure = figure;
  watcher.observe(place);
  return around;
}

function tableOf({ headings, rows }) {
  const isNumber = (text) => /^[−+-]?[\d.,]+(e[+−-]?\d+)?\s?%?$/.test(text.replace(/\s?±.*$/, ""));
  const amounts = headings.map((_, column) => rows.length > 0 && rows.every((row) => isNumber(row[column])));
  const rowOf = (tag, cells) => {
    const row = element("tr");
    row.append(...cells.map((cell, column) => element(tag, amounts[column] ? "amount" : "", cell)));
    return row;
  };
  const head = element("thead"), body = element("tbody"), table = element("table"), around = element("div", "table");
  head.append(rowOf("th", headings));
  body.append(...rows.map((row) => rowOf("td", row)));
  table.append(head, body);
  around.append(table);
  return around;
}

data.sections.forEach(({ title, paragraphs, figures, table }, number) => {
  const section = byId("sections").appendChild(element("section"));
  section.id = `part-${number + 1}`;
  section.append(element("h2", "", title), ...paragraphs.map((text) => element("p", "", text)));
  if (table) section.append(tableOf(table));
  section.append(...figures.map(plotOf));
  const link = element("a", "", title);
  link.href = `#${section.id}`;
  byId("contents").appendChild(element("li")).append(link);
});

byId("night").addEventListener("click", () => {
  document.documentElement.dataset.theme = isNight() ? "day" : "night";
  drawAll(isNight());
});
dark.addEventListener("change", () => drawAll(isNight()));
addEventListener("beforeprint", () => {
  document.querySelectorAll(".drawing").forEach((place) => drawn.set(place, place.figure)); // those not seen yet, too
  drawAll(false, PRINTED_WIDTH);
});
addEventListener("afterprint", () => drawAll(isNight()));
