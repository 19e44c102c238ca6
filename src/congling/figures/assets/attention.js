// The attention of all layers and heads: a grid of small maps a kind, and one of them large.

const START = `‹${texts.start}›`;
const kinds = {
  encoder_self: { rows: data.source.pieces, columns: data.source.pieces },
  decoder_self: { rows: data.target.pieces, columns: [START, ...data.target.pieces.slice(0, -1)] },
  cross: { rows: data.target.pieces, columns: data.source.pieces },
};
const attends = data.attention.cross.length > 0;
const headCount = (kind) => (data.attention[kind].length ? data.attention[kind][0].shape[0] : 0);

const shown = { kind: "cross", layer: Math.max(0, data.attention.cross.length - 1), head: 0 };
let redrawLarge = () => {};

function layerHead(layer, head) {
  return say("layer_head", { layer: layer + 1, head: head + 1 });
}

function showKind(kind) {
  shown.kind = kind;
  shown.layer = Math.min(shown.layer, data.attention[kind].length - 1);
  document.querySelectorAll("[role=tab]").forEach((tab) => {
    const chosen = tab.dataset.kind === kind;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  });
  byId("heads").setAttribute("aria-labelledby", "tab-" + kind);
  byId("kind-text").textContent = texts[kind + "_text"];
  buildGrid();
  showHead(shown.layer, Math.min(shown.head, headCount(kind) - 1));
}

function showHead(layer, head) {
  Object.assign(shown, { layer, head });
  byId("large-title").textContent = `${texts[shown.kind]} · ${layerHead(layer, head)}`;
  byId("grid").querySelectorAll("button").forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.layer == layer && button.dataset.head == head);
  });
  redrawLarge();
}

// The grid ------------------------------------------------------------------------------------------------------------

let thumbnailRedraws = [];

function buildGrid() {
  const grid = byId("grid");
  const layers = data.attention[shown.kind];
  const { rows, columns } = kinds[shown.kind];
  thumbnailRedraws.forEach((redraw) => redraws.delete(redraw));
  thumbnailRedraws = [];
  grid.replaceChildren();
  grid.style.setProperty("--heads", headCount(shown.kind));
  grid.style.setProperty("--shape", between(0.6, columns.length / rows.length, 1.7));
  grid.append(element("span"));
  for (let head = 0; head < headCount(shown.kind); head++) grid.append(element("span", "", say("head_number", { head: head + 1 })));
  layers.forEach((block, layer) => {
    grid.append(element("span", "", say("layer_number", { layer: layer + 1 })));
    for (let head = 0; head < block.shape[0]; head++) grid.append(gridButton(block, layer, head));
  });
}

function gridButton(block, layer, head) {
  const button = element("button");
  button.type = "button";
  button.title = layerHead(layer, head);
  button.setAttribute("aria-label", layerHead(layer, head));
  Object.assign(button.dataset, { layer, head });
  const canvas = button.appendChild(element("canvas"));
  thumbnailRedraws.push(whenSeen(canvas, () => thumbnail(canvas, matrixOf(block, head), scales.weights)));
  button.addEventListener("click", () => {
    showHead(layer, head);
    if (shown.kind === "cross") lookThrough(layer, head);
  });
  return button;
}

// The large map -------------------------------------------------------------------------------------------------------

function describedWeight(row, column, weight) {
  const { rows, columns } = kinds[shown.kind];
  return `${rows[row]} → ${columns[column]}   ${percent(weight)}`;
}

function buildLarge() {
  redrawLarge = largeMap(byId("large"), () => ({
    name: byId("large-title").textContent,
    matrix: matrixOf(data.attention[shown.kind][shown.layer], shown.head),
    scale: scales.weights,
    rowLabels: kinds[shown.kind].rows,
    columnLabels: kinds[shown.kind].columns,
    cell: [14, 64],
    describe: describedWeight,
    write: (weight) => weight === 0 ? "" : Number.isFinite(weight) ? String(Math.round(weight * 100)) : "NaN", // 0: masked
    marked: shown.kind === "encoder_self" ? -1 : current.step,
  }));
}

function buildScale() {
  const scale = byId("weights-scale");
  const bar = element("i");
  scale.append(`↓ ${texts.asks}   → ${texts.answers}`, element("span", "", "0 %"), bar, element("span", "", "100 %"));
  const paint = () => {
    const stops = [0, 0.04, 0.16, 0.36, 0.64, 1].map((weight) => `${css(colourOf(scales.weights, weight))} ${weight * 100}%`);
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  };
  paint();
  redraws.add(paint);
}

function buildTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, number) => {
    tab.addEventListener("click", () => showKind(tab.dataset.kind));
    tab.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!move) return;
      const next = tabs[(number + move + tabs.length) % tabs.length];
      next.focus();
      showKind(next.dataset.kind);
    });
  });
}
