// The section that calculates one pixel of one map, with the weights that were kept.

const exactLayers = data.layers.filter((layer) => layer.inputs);
const sum = { layer: exactLayers[0], place: 0, input: 0, row: 0, column: 0 };
const sumViews = {};

function buildSums() {
  byId("sums").hidden = byId("to-sums").hidden = !exactLayers.length;
  if (!exactLayers.length) return;
  exactLayers.forEach((layer) => byId("sum-layer").append(new Option(layerName(layer), data.layers.indexOf(layer))));
  byId("sum-layer").addEventListener("change", (event) => chooseSum(Number(event.target.value), 0, null));
  byId("sum-channel").addEventListener("change", (event) => chooseSum(data.layers.indexOf(sum.layer), Number(event.target.value), null));
  byId("sum-input").addEventListener("change", (event) => chooseInput(Number(event.target.value)));
  for (const side of ["in", "out"]) {
    const box = byId("sum-" + side);
    sumViews[side] = { canvas: box.appendChild(element("canvas")), mark: box.appendChild(element("i")) };
    sumViews[side].redraw = whenSeen(box, drawSums);
  }
  sumViews.out.goTo = pointable(sumViews.out.canvas, (row, column) => { Object.assign(sum, { row, column }); showSum(true); });
  chooseSum(data.layers.indexOf(exactLayers.length > 1 ? exactLayers[1] : exactLayers[0]), 0, null);
}

// Shows a pixel of a channel: the one that is given, or the channel's largest.
function chooseSum(number, place, pixel) {
  const layer = data.layers[number];
  const changes = layer !== sum.layer || !byId("sum-channel").length;
  Object.assign(sum, { layer, place });
  if (changes) fillPickers(layer);
  byId("sum-layer").value = number;
  byId("sum-channel").value = place;
  const { columns, values } = mapAt(layer.sums, place);
  const at = values.reduce((best, value, i) => (Math.abs(value) > Math.abs(values[best]) ? i : best), 0);
  [sum.row, sum.column] = pixel || [Math.floor(at / columns), at % columns];
  sumViews.out.goTo(sum.row, sum.column);
  const found = productsOf(calculation(), sum.row, sum.column);
  sum.input = found.reduce((best, each) => (Math.abs(each.total) > Math.abs(best.total) ? each : best)).channel;
  drawSums();
  showSum(true);
}

function fillPickers(layer) {
  const named = (channel) => say("channel", { channel });
  byId("sum-channel").replaceChildren(...layer.channels.map((channel, place) => new Option(named(channel), place)));
  byId("sum-input").replaceChildren(...Array.from({ length: layer.inputs_shape[0] }, (_, channel) => new Option(named(channel), channel)));
  byId("sum-input").parentElement.hidden = byId("shares-figure").hidden = layer.inputs_shape[0] === 1;
}

function chooseInput(channel) {
  sum.input = channel;
  drawSums();
  showSum(false);
}

function calculation() {
  const { layer, place } = sum;
  const { shape, values } = numbersOf(layer.kernels);
  const [channelCount, side] = [shape[1], shape[2]];
  return {
    inputs: numbersOf(layer.inputs), kernelSide: side, stride: layer.stride, padding: layer.padding,
    kernel: (c, k, l) => values[((place * channelCount + c) * side + k) * side + l],
  };
}

function drawSums() {
  if (!sum.layer || !sumViews.out) return;
  drawMatrix(sumViews.in.canvas, mapAt(sum.layer.inputs, sum.input), fitting(sum.layer.inputs));
  const block = sum.layer.sums;
  drawMatrix(sumViews.out.canvas, mapAt(block, sum.place), around0(extent(block).largest));
  sumViews.in.canvas.setAttribute("aria-label", texts.goes_in);
  sumViews.out.canvas.setAttribute("aria-label", say("use_arrows", {}));
}

function showSum(moved) {
  const { layer, place, row, column } = sum;
  const found = productsOf(calculation(), row, column);
  byId("sum-input").value = sum.input;
  const side = layer.kernel;
  frame(sumViews.in.mark, sumViews.in.canvas, row * layer.stride - layer.padding, column * layer.stride - layer.padding, side, side);
  frame(sumViews.out.mark, sumViews.out.canvas, row, column, 1, 1);
  byId("sum-place").textContent = say("sum_place", {
    layer: layerName(layer), channel: layer.channels[place], row, column, input: sum.input,
  });
  showProducts(byId("products"), side, found[sum.input].cells, fitting(layer.inputs));
  if (found.length > 1) showShares(byId("shares"), found, sum.input, chooseInput);
  showLedger(byId("ledger"), ledgerLines(layer, place, row, column, found));
}

const inBrackets = (value) => (value < 0 ? `(${decimal(value, 4)})` : decimal(value, 4));

// The calculation line by line, down to the number in the map.
function ledgerLines(layer, place, row, column, found) {
  const lines = [{ text: say("products_sum", { count: found[0].cells.length }), value: found[sum.input].total }];
  let value = found.reduce((total, each) => total + each.total, 0);
  if (found.length > 1) lines.push({ text: say("all_channels", { count: found.length }), value });
  const of = (block) => numbersOf(block).values[place];
  if (layer.bias) {
    value += of(layer.bias);
    lines.push({ text: texts.bias, value: of(layer.bias) });
  }
  if (layer.normalisation) {
    const { mean, deviation, gain, bias } = Object.fromEntries(Object.entries(layer.normalisation).map(([name, block]) => [name, of(block)]));
    const written = Object.entries({ value, mean, deviation, gain, bias }).map(([name, each]) => [name, inBrackets(each)]);
    value = gain * (value - mean) / deviation + bias;
    lines.push({ text: say("normalised", Object.fromEntries(written)), value });
  }
  if (layer.around) {
    const { columns, values } = mapAt(layer.around, place);
    value += values[row * columns + column];
    lines.push({ text: texts.around, value: values[row * columns + column] });
  }
  const { columns, values } = mapAt(layer.sums, place);
  const kept = values[row * columns + column];
  const same = Math.abs(kept - value) <= 1e-4 * (1 + Math.abs(kept));
  lines.push({ text: texts.together, value, total: true });
  lines.push({ text: same ? texts.in_the_map : texts.not_in_the_map, value: decimal(kept, 4) + (same ? " ✓" : "") });
  if (layer.activation === "relu") lines.push({ text: "relu: max(0, y)", value: Math.max(0, kept) });
  return lines;
}
