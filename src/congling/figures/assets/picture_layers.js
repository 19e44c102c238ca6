// Every layer's kernels and maps, channel by channel; whatever moves through training redraws itself at each step.

const FOLDED = 8; // channels that are seen before one asks for all
const now = data.steps.length - 1; // the place of the weights that were kept
let step = now; // the place of the step that is shown
const onStep = new Set();

const isNow = () => step === now;
// What a layer has of a stage at the step that is shown.
const blockOf = (layer, stage) => (isNow() ? (stage === "kernels" ? kernelsNow(layer) : layer[stage]) : layer.before[step][stage]);

// Kernels as they are drawn: over up to three channels each, over more their mean; (channels, C or 1, K, K).
const meanKernels = new WeakMap();
function kernelsNow(layer) {
  const { shape, values } = numbersOf(layer.kernels);
  if (shape[1] <= 3) return layer.kernels;
  if (!meanKernels.has(layer)) {
    const area = shape[2] * shape[3];
    const means = new Float32Array(shape[0] * area);
    values.forEach((value, i) => (means[Math.floor(i / (shape[1] * area)) * area + (i % area)] += value / shape[1]));
    const block = { shape: [shape[0], 1, shape[2], shape[3]] };
    numberBlocks.set(block, { shape: block.shape, values: means });
    meanKernels.set(layer, block);
  }
  return meanKernels.get(layer);
}

// One scale for a layer's kernels at all steps, so that they can be seen to grow.
const kernelScale = (layer) =>
  around0(Math.max(extent(kernelsNow(layer)).largest, ...layer.before.map((before) => extent(before.kernels).largest)));

function stagesOf(layer) {
  const drawn = Math.min(layer.inputs_shape[0], 4);
  const stages = [["kernels", drawn > 3 ? texts.mean_kernel : texts.kernel], ["sums", texts.sums]];
  stages.push(["activated", say("activated", { name: layer.activation })]);
  if (layer.pooled) stages.push(["pooled", say(layer.pooling === "max" ? "max_pooled" : "mean_pooled", { window: layer.window })]);
  return stages;
}

function layerName(layer) {
  const several = data.layers.some((other) => other.convolution > 0);
  return say(several ? "layer_name" : "block_name", { block: layer.block + 1, convolution: layer.convolution + 1 });
}

function buildLayers() {
  byId("layers").hidden = byId("to-layers").hidden = !data.layers.length;
  data.layers.forEach((layer) => byId("layer-list").append(layerSection(layer)));
  const fullLayers = data.layers.length ? byId("full") : byId("templates-full");
  data.full.forEach((layer) => fullLayers.append(unitsSection(layer)));
  const partly = data.layers.some((layer) => layer.moving < layer.channels.length);
  byId("moving").textContent = partly && now > 0 ? say("moving", { count: Math.max(...data.layers.map((each) => each.moving)) }) : "";
  document.querySelectorAll("[data-scale]").forEach(buildLegend);
}

function layerSection(layer) {
  const section = element("div", "layer");
  const head = section.appendChild(element("header"));
  head.append(element("h3", "", layerName(layer)), element("p", "muted", layerFacts(layer)));
  section.append(channelGrid(layer, 0, FOLDED));
  if (layer.channels.length > FOLDED) {
    const more = section.appendChild(element("button", "button", say("show_all", { shown: FOLDED, count: layer.channels.length })));
    more.type = "button";
    more.addEventListener("click", () => {
      for (let first = FOLDED; first < layer.channels.length; first += FOLDED) more.before(channelGrid(layer, first, first + FOLDED));
      more.remove();
    });
  }
  return section;
}

function layerFacts(layer) {
  const [channelCount, rows] = layer.inputs_shape;
  const facts = [say("layer_facts", {
    outputs: layer.outputs, kernel: layer.kernel, inputs: channelCount, before: rows, after: numbersOf(layer.sums).shape[1],
  })];
  if (layer.channels.length < layer.outputs) facts.push(say("kept", { kept: layer.channels.length, outputs: layer.outputs }));
  return facts.join(" ");
}

// Some channels side by side, one stage below the other.
function channelGrid(layer, first, end) {
  const grid = element("div", "channels");
  const places = layer.channels.map((_, place) => place).slice(first, end);
  const fill = () => { for (let i = places.length; i < FOLDED; i++) grid.append(element("span")); };
  grid.append(element("span"));
  places.forEach((place) => grid.append(element("span", "channel-name", layer.channels[place])));
  fill();
  stagesOf(layer).forEach(([stage, name]) => {
    grid.append(element("span", "", name));
    places.forEach((place) => grid.append(stageCell(layer, stage, name, place)));
    fill();
  });
  return grid;
}

function stageCell(layer, stage, name, place) {
  const cell = element("button", stage === "kernels" ? "cell kernel" : "cell");
  cell.type = "button";
  cell.setAttribute("aria-label", `${layerName(layer)}, ${say("channel", { channel: layer.channels[place] })}, ${name}`);
  const count = stage === "kernels" && layer.inputs_shape[0] <= 3 ? layer.inputs_shape[0] : 1;
  const canvases = Array.from({ length: count }, () => cell.appendChild(element("canvas")));
  const matrix = (number) => mapAt(held(), place * count + number);
  const moves = place < layer.moving;
  const held = () => (isNow() || moves ? blockOf(layer, stage) : stage === "kernels" ? kernelsNow(layer) : layer[stage]);
  const redraw = whenSeen(cell, () => {
    const scale = stage === "kernels" ? kernelScale(layer) : stage === "sums" ? around0(extent(held()).largest) : fitting(held());
    canvases.forEach((canvas, number) => drawMatrix(canvas, matrix(number), scale));
    cell.classList.toggle("still", !isNow() && !moves);
  });
  onStep.add(() => redraw(false));
  canvases.forEach((canvas, number) => canvas.addEventListener("pointermove", (event) => {
    const [row, column] = pixelUnder(event, canvas);
    const { columns, values } = matrix(number);
    showTooltip(`${say("pixel", { row, column })}: ${decimal(values[row * columns + column], 3)}`, event.clientX, event.clientY);
  }));
  cell.addEventListener("pointerleave", hideTooltip);
  cell.addEventListener("click", (event) => {
    if (!layer.inputs) return;
    const place_ = event.detail && stage === "sums" ? pixelUnder(event, canvases[0]) : null;
    chooseSum(data.layers.indexOf(layer), place, place_);
    byId("sums").scrollIntoView();
  });
  return cell;
}

// The neurons of a full layer, a colour each.
function unitsSection(layer) {
  const section = element("div", "layer");
  const { shape, values } = numbersOf(layer.steps);
  const head = section.appendChild(element("header"));
  const number = Number(layer.path.split(".")[2]) + 1;
  head.append(element("h3", "", say("full_layer", { number })), element("p", "muted", say("full_facts", { count: shape[1] })));
  const canvas = section.appendChild(element("div", "units")).appendChild(element("canvas"));
  const row = () => ({ rows: 1, columns: shape[1], values: values.subarray(step * shape[1], (step + 1) * shape[1]) });
  const redraw = whenSeen(canvas, () => drawMatrix(canvas, row(), fitting(layer.steps)));
  onStep.add(() => redraw(false));
  canvas.addEventListener("pointermove", (event) => {
    const unit = pixelUnder(event, canvas)[1];
    showTooltip(`${say("neuron", { number: unit })}: ${decimal(row().values[unit], 3)}`, event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", hideTooltip);
  return section;
}

function buildLegend(scale) {
  const bar = element("i");
  const [low, high] = scale.dataset.scale === "diverging" ? [texts.negative, texts.positive] : [texts.nothing, texts.much];
  scale.append(element("span", "", low), bar, element("span", "", high));
  const paint = () => (bar.style.background = `linear-gradient(to right, ${variable(scale.dataset.scale)})`);
  paint();
  redraws.add(paint);
}

// Templates: the first full layer's weights as pictures ----------------------------------------------------------------

function buildTemplates() {
  const templates = data.templates;
  byId("templates").hidden = byId("to-templates").hidden = !templates;
  if (!templates) return;
  const { units, total } = templates;
  byId("templates-kept").textContent = units.length < total ? say("kept", { kept: units.length, outputs: total }) : "";
  const largest = Math.max(...templates.steps.map((block) => extent(block).largest));
  units.forEach((unit, place) => {
    const figure = byId("template-list").appendChild(element("figure"));
    const channelCount = templates.steps[now].shape[1];
    const canvases = Array.from({ length: channelCount }, () => figure.appendChild(element("canvas")));
    figure.append(element("figcaption", "muted", templates.are_classes ? data.classes[unit] : say("neuron", { number: unit })));
    const redraw = whenSeen(figure, () => canvases.forEach((canvas, channel) =>
      drawMatrix(canvas, mapAt(templates.steps[step], place * channelCount + channel), around0(largest))));
    onStep.add(() => redraw(false));
  });
}
