// The pieces with the lines between them, and the decoding step by step: both show the same step.

const current = { step: 0, pointed: -1, layer: -1, head: -1 }; // -1: none pointed at; the average of all
const sourceChips = [], targetChips = [];
const step = () => (current.pointed >= 0 ? current.pointed : current.step);

// Where the decoder looked at step t: S weights, of the chosen layer and head or averaged over those not chosen.
function lookedAt(t) {
  const columns = data.source.pieces.length;
  const sum = new Float64Array(columns);
  let count = 0;
  data.attention.cross.forEach((block, layer) => {
    if (current.layer >= 0 && layer !== current.layer) return;
    for (let head = 0; head < block.shape[0]; head++) {
      if (current.head >= 0 && head !== current.head) continue;
      const row = matrixOf(block, head).values.subarray(t * columns, (t + 1) * columns);
      row.forEach((weight, s) => { sum[s] += weight; });
      count++;
    }
  });
  return sum.map((weight) => weight / Math.max(1, count));
}

// Chips ---------------------------------------------------------------------------------------------------------------

// The piece as text, its space marks faint.
function pieceInto(parent, piece) {
  piece.split(/(▁+)/).filter(Boolean).forEach((part) => parent.append(element("span", part[0] === "▁" ? "space" : "", part)));
  return parent;
}

function buildChips() {
  data.source.pieces.forEach((piece, s) => {
    const item = byId("source-chips").appendChild(element("li"));
    const chip = item.appendChild(element("div", "chip"));
    chip.append(element("small", "weight"), pieceInto(element("span"), piece), element("small", "", data.source.ids[s]));
    chip.title = say("piece_number", { id: data.source.ids[s] });
    sourceChips.push(chip);
  });
  data.target.pieces.forEach((piece, t) => {
    const item = byId("target-chips").appendChild(element("li"));
    const chip = item.appendChild(element("button", "chip"));
    chip.type = "button";
    chip.append(pieceInto(element("span"), piece), element("small", "", data.target.ids[t]));
    const { probability } = data.steps[t];
    chip.style.setProperty("--probability", probability);
    chip.setAttribute("aria-label", `${piece}, ${say("piece_number", { id: data.target.ids[t] })}, ${percent(probability)}`);
    chip.addEventListener("click", () => goTo(t));
    chip.addEventListener("focus", () => goTo(t));
    chip.addEventListener("pointerenter", (event) => {
      current.pointed = t;
      drawLooks();
      showTooltip(percent(probability), event.clientX, event.clientY);
    });
    chip.addEventListener("pointerleave", () => {
      current.pointed = -1;
      drawLooks();
      hideTooltip();
    });
    targetChips.push(chip);
  });
  [byId("source-chips"), byId("target-chips")].forEach((chips) => chips.addEventListener("scroll", drawLooks));
}

function drawLooks() {
  targetChips.forEach((chip, t) => chip.setAttribute("aria-pressed", t === step()));
  if (!attends) return;
  const weights = lookedAt(step());
  sourceChips.forEach((chip, s) => {
    const colour = colourOf(scales.weights, weights[s]);
    chip.style.backgroundColor = css(colour);
    chip.style.color = textOn(colour);
    chip.firstChild.textContent = percent(weights[s]);
  });
  reveal(byId("source-chips"), sourceChips[weights.indexOf(Math.max(...weights))]);
  drawLines(weights);
}

// Many chips scroll in a list of their own: brings one into its sight, and leaves the page where it is.
function reveal(list, chip) {
  if (list.scrollHeight <= list.clientHeight || !chip) return;
  const [outer, inner] = [list.getBoundingClientRect(), chip.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) list.scrollTop += inner.top - outer.top - list.clientHeight / 2;
}

// Lines ---------------------------------------------------------------------------------------------------------------

function drawLines(weights) {
  const lines = byId("lines");
  const origin = lines.getBoundingClientRect();
  const sources = sourceChips.map((chip) => chip.getBoundingClientRect());
  const [above, below] = ["source-chips", "target-chips"].map((id) => byId(id).getBoundingClientRect());
  const inSight = (box, list) => box.bottom > list.top && box.top < list.bottom;
  lines.replaceChildren();
  const connect = (chip, row, least, opacity) => {
    const box = chip.getBoundingClientRect();
    if (!inSight(box, below)) return;
    row.forEach((weight, s) => {
      if (!(weight >= least) || !inSight(sources[s], above)) return;
      const [x, y] = [box.left + box.width / 2 - origin.left, box.top - origin.top];
      const [toX, toY] = [sources[s].left + sources[s].width / 2 - origin.left, sources[s].bottom - origin.top];
      const path = document.createElementNS(lines.namespaceURI, "path");
      path.setAttribute("d", `M${x} ${y}C${x} ${(y + toY) / 2} ${toX} ${(y + toY) / 2} ${toX} ${toY}`);
      path.style.strokeWidth = 1 + 8 * weight + "px";
      path.style.opacity = opacity * (0.25 + 0.75 * Math.sqrt(weight));
      if (opacity < 1) path.style.stroke = "var(--quiet)";
      lines.append(path);
    });
  };
  if (sourceChips.length * targetChips.length <= 400) {
    targetChips.forEach((chip, t) => t !== step() && connect(chip, lookedAt(t), 0.15, 0.3));
  }
  connect(targetChips[step()], weights, 0.02, 1);
}

// Which layer and head is looked through ------------------------------------------------------------------------------

function buildPickers() {
  const fill = (select, count, name) => {
    select.append(new Option(texts.average, -1));
    for (let number = 0; number < count; number++) select.append(new Option(number + 1, number));
    select.addEventListener("change", () => {
      current[name] = Number(select.value);
      drawLooks();
      drawStep();
    });
  };
  fill(byId("layer"), data.attention.cross.length, "layer");
  fill(byId("head"), headCount("cross"), "head");
}

function lookThrough(layer, head) {
  Object.assign(current, { layer, head });
  byId("layer").value = layer;
  byId("head").value = head;
  drawLooks();
  drawStep();
}

// Step by step --------------------------------------------------------------------------------------------------------

function goTo(t) {
  current.step = between(0, t, data.steps.length - 1);
  current.pointed = -1;
  reveal(byId("target-chips"), targetChips[current.step]);
  drawLooks();
  drawStep();
  redrawLarge();
}

function buildStepper() {
  const slider = byId("slider");
  slider.max = data.steps.length;
  slider.addEventListener("input", () => goTo(slider.value - 1));
  byId("previous").addEventListener("click", () => goTo(current.step - 1));
  byId("next").addEventListener("click", () => goTo(current.step + 1));
  document.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, select, canvas, [role=tab], #looks")) return;
    event.preventDefault();
    goTo(current.step + move);
    if (targetChips.includes(document.activeElement)) targetChips[current.step].focus();
  });
}

function drawStep() {
  const t = current.step;
  const { steps } = data;
  byId("slider").value = t + 1;
  byId("slider").setAttribute("aria-valuetext", steps[t].piece);
  byId("previous").disabled = t === 0;
  byId("next").disabled = t === steps.length - 1;
  byId("step-number").textContent = say("step_number", { step: t + 1, steps: steps.length });
  drawWritten(t);
  drawBest(steps[t]);
  drawColumns(lookedAt(t));
}

function drawWritten(t) {
  const text = (piece, at) => (at ? piece.replace(/▁/g, " ") : piece.replace(/^▁(?=.)/, "").replace(/▁/g, " "));
  byId("written").replaceChildren(...data.target.pieces.map((piece, at) => {
    const time = at < t ? "" : at === t ? "now" : "later";
    return element("span", time + (/^<.*>$/.test(piece) ? " end" : ""), text(piece, at));
  }));
}

function bar(classes, piece, share) {
  const item = element("li", classes);
  const track = element("span", "track");
  track.appendChild(element("i")).style.width = 100 * between(0, share || 0, 1) + "%";
  item.append(pieceInto(element("span", "piece"), piece), track, element("span", "amount", percent(share)));
  return item;
}

function drawBest({ piece, probability, best }) {
  const rows = best.some(([other]) => other === piece) ? best : [...best, [piece, probability]];
  const rest = 1 - rows.reduce((sum, [, share]) => sum + share, 0);
  const bars = rows.map(([each, share]) => bar(each === piece ? "chosen" : "", each, share));
  bars.filter((each) => each.className).forEach((each) => each.append(element("span", "unseen", texts.chosen)));
  if (rest > 1e-4) bars.push(bar("others", texts.others, rest));
  byId("best").replaceChildren(...bars);
}

function drawColumns(weights) {
  const strongest = Math.max(...weights);
  byId("looks").setAttribute("aria-label", texts.looks_at);
  byId("looks").replaceChildren(...data.source.pieces.map((piece, s) => {
    const item = element("li", weights[s] === strongest ? "strongest" : "");
    const column = element("span", "bar");
    column.append(element("span", "amount", percent(weights[s])), element("i"));
    column.lastChild.style.height = 88 * (weights[s] || 0) + "%"; // the number stands on top of it
    item.append(column, pieceInto(element("span", "piece"), piece));
    return item;
  }));
}
