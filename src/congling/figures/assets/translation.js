// The page is put together: head, positions, sizes, candidates, and whatever the other files build.

function buildHead() {
  const { encoder, decoder } = data.norms; // the first row is that of the embedded pieces
  byId("sizes-of-the-network").textContent = say("sizes", {
    encoder: encoder.length - 1, decoder: decoder.length - 1, heads: headCount("cross"), width: data.width,
  });
  const total = data.log_probability;
  byId("total").textContent = say("total", { total: decimal(total, 2), mean: decimal(total / data.steps.length, 2) });
  const longest = Math.max(...[...document.querySelectorAll(".sentence")].map((each) => each.textContent.length));
  document.body.classList.toggle("long", longest > 140);
  const pieces = Math.max(data.source.pieces.length, data.target.pieces.length);
  document.body.classList.toggle("few", pieces <= 9);
  document.body.classList.toggle("many", pieces > 30);
}

// A recurrent network has neither positions nor self-attention, and perhaps no attention at all; a Transformer no states.
function hideWhatIsNotThere() {
  const recurrent = Boolean(data.states.encoder);
  const there = { positions: data.positions, attention: attends, states: recurrent };
  Object.entries(there).forEach(([id, is]) => {
    byId(id).hidden = !is;
    document.querySelector(`nav a[href="#${id}"]`).parentNode.hidden = !is;
  });
  byId("dot-product").hidden = recurrent;
  byId("additive").hidden = !recurrent;
  byId("looking").hidden = !attends;
  byId("pickers").hidden = data.attention.cross.length * headCount("cross") < 2;
  document.querySelectorAll("[role=tab]").forEach((tab) => { tab.hidden = !data.attention[tab.dataset.kind].length; });
}

function buildStates() {
  if (!data.states.encoder) return;
  drawHiddenStates(byId("encoder-states"), data.states.encoder, data.source.pieces);
  drawHiddenStates(byId("decoder-states"), data.states.decoder, [START, ...data.target.pieces.slice(0, -1)]);
}

function buildPositions() {
  largeMap(byId("positions-map"), () => ({
    name: texts.positions_title,
    matrix: matrixOf(data.positions),
    scale: scales.waves,
    rowLabels: data.source.pieces.map((piece, s) => `${s}  ${piece}`),
    columnLabels: null,
    cell: [0.5, 64],
    rowHeight: data.source.pieces.length > 40 ? 7 : 26,
    describe: (row, column, value) => `${say("dimension", { position: row, dimension: column })}: ${decimal(value, 3)}`,
    write: null,
    marked: -1,
  }));
}

function buildNorms(id, name, rows, pieces) {
  const values = Float32Array.from(rows.flat(), (value) => (value === null ? NaN : value));
  const known = values.filter(Number.isFinite);
  const low = known.reduce((least, value) => Math.min(least, value), Infinity);
  const high = known.reduce((most, value) => Math.max(most, value), 0);
  const labels = rows.map((_, layer) => (layer ? say("layer_number", { layer }) : texts.embedded));
  largeMap(byId(id), () => ({
    name,
    matrix: { rows: rows.length, columns: pieces.length, values },
    scale: scales.linear(low, high),
    rowLabels: labels,
    columnLabels: pieces,
    cell: [14, 96],
    rowHeight: 28,
    describe: (row, column, value) => `${pieces[column]} · ${labels[row]}: ${decimal(value, 3)}`,
    write: (value) => decimal(value, value < 100 ? 1 : 0),
    marked: -1,
  }));
}

function buildCandidates() {
  byId("candidates").hidden = !data.candidates.length;
  document.querySelector("nav li:last-child").hidden = !data.candidates.length;
  data.candidates.forEach((candidate, rank) => {
    const row = byId("candidate-rows").appendChild(element("tr"));
    const text = element("td", "", candidate.text || texts.empty);
    if (!candidate.finished) text.append(element("small", "", texts.unfinished));
    row.append(element("td", "", rank + 1), text,
      element("td", "", decimal(candidate.score, 3)), element("td", "", decimal(candidate.log_probability, 3)));
  });
}

buildHead();
hideWhatIsNotThere();
buildChips();
buildPickers();
if (data.positions) buildPositions();
if (attends) {
  buildTabs();
  buildScale();
  buildLarge();
  showKind("cross");
}
buildStates();
buildNorms("encoder-norms", texts.encoder, data.norms.encoder, data.source.pieces);
buildNorms("decoder-norms", texts.decoder, data.norms.decoder, [START, ...data.target.pieces.slice(0, -1)]);
buildStepper();
buildCandidates();
drawStep();
whenSeen(byId("alignment"), drawLooks);
