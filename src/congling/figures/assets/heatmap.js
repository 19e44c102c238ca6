// A heatmap on a canvas: colours from the page's palette, labels, values under the pointer and the arrow keys.

const data = JSON.parse(document.getElementById("data").textContent);
const texts = data.texts;
const byId = (id) => document.getElementById(id);
const between = (low, value, high) => Math.max(low, Math.min(high, value));

function say(name, values) {
  return texts[name].replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

function element(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Numbers -------------------------------------------------------------------------------------------------------------

const percents = new Intl.NumberFormat(document.documentElement.lang, {
  style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
});

function percent(share) {
  if (!Number.isFinite(share)) return "NaN";
  return share > 0 && share < 0.0005 ? "< " + percents.format(0.001) : percents.format(share);
}

function decimal(value, digits) {
  return Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "NaN";
}

// A packed array as numbers, unpacked when it is first asked for: {shape, values}.
const unpackedBlocks = new WeakMap();
function unpacked(block) {
  if (!unpackedBlocks.has(block)) {
    const bytes = atob(block.data);
    const values = new Float32Array(bytes.length / 2);
    const step = (block.high - block.low) / 65534;
    for (let i = 0; i < values.length; i++) {
      const level = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
      values[i] = level > 65534 ? NaN : block.low + level * step;
    }
    unpackedBlocks.set(block, { shape: block.shape, values });
  }
  return unpackedBlocks.get(block);
}

// A matrix {rows, columns, values} out of the last two dimensions of a packed array.
function matrixOf(block, index) {
  const { shape, values } = unpacked(block);
  const [rows, columns] = shape.slice(-2);
  const first = (index || 0) * rows * columns;
  return { rows, columns, values: values.subarray(first, first + rows * columns) };
}

// Colours -------------------------------------------------------------------------------------------------------------

const redraws = new Set(); // whatever has colours of its own in it
let tables = {};

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// 256 colours between the stops of a scale.
function colourTable(name) {
  if (!tables[name]) {
    const stops = variable(name).split(",").map((stop) => channels(stop.trim()));
    tables[name] = Array.from({ length: 256 }, (_, level) => {
      const place = (level / 255) * (stops.length - 1);
      const left = Math.min(Math.floor(place), stops.length - 2);
      return stops[left].map((from, i) => Math.round(from + (stops[left + 1][i] - from) * (place - left)));
    });
  }
  return tables[name];
}

const scales = {
  weights: { table: "sequential", share: (weight) => Math.sqrt(weight) }, // so that small weights still show
  waves: { table: "diverging", share: (value) => (value + 1) / 2 },
  linear: (low, high) => ({ table: "sequential", share: (value) => (high > low ? (value - low) / (high - low) : 0.5) }),
};

function colourOf(scale, value) {
  const share = scale.share(value);
  if (!Number.isFinite(share)) return channels(variable("accent"));
  return colourTable(scale.table)[Math.round(between(0, share, 1) * 255)];
}

const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;
// Black or white, whichever stands out more (the relative luminance where both do equally is 0.18).
function textOn(colour) {
  const [red, green, blue] = colour.map((channel) => (channel / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000000" : "#ffffff";
}

function themeChanged() {
  tables = {};
  redraws.forEach((redraw) => redraw(false));
}
addEventListener("beforeprint", () => redraws.forEach((redraw) => redraw(true)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
byId("night").addEventListener("click", () => {
  const isNight = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = isNight ? "day" : "night";
  themeChanged();
});

// Drawing -------------------------------------------------------------------------------------------------------------

// One pixel a cell, on a canvas that is never shown.
function pixels(matrix, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, matrix.columns);
  canvas.height = Math.max(1, matrix.rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const broken = channels(variable("accent"));
  const table = colourTable(scale.table);
  for (let i = 0; i < matrix.values.length; i++) {
    const share = scale.share(matrix.values[i]);
    const colour = Number.isFinite(share) ? table[Math.round(between(0, share, 1) * 255)] : broken;
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// Sets a canvas to a size in CSS pixels and gives a context in which these are the unit.
function sized(canvas, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, Math.sqrt(12e6 / (width * height)));
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.scale(canvas.width / width, canvas.height / height);
  return context;
}

function thumbnail(canvas, matrix, scale) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return;
  const context = sized(canvas, width, height);
  context.imageSmoothingEnabled = matrix.columns > width || matrix.rows > height;
  context.drawImage(pixels(matrix, scale), 0, 0, width, height);
}

// Calls draw when the element comes into sight, and again whenever its width or the theme changes while it is there.
function whenSeen(watched, draw) {
  let width = 0, seen = false;
  const redraw = (unseenToo) => {
    seen ||= unseenToo === true;
    if (seen) draw();
  };
  new IntersectionObserver(([entry], observer) => {
    if (!entry.isIntersecting) return;
    observer.disconnect();
    redraw(true);
  }, { rootMargin: "200px" }).observe(watched);
  new ResizeObserver(() => {
    if (watched.clientWidth === width) return;
    width = watched.clientWidth;
    redraw(false);
  }).observe(watched);
  redraws.add(redraw);
  return redraw;
}

// Tooltip -------------------------------------------------------------------------------------------------------------

function showTooltip(text, x, y) {
  const tooltip = byId("tooltip");
  tooltip.textContent = text;
  tooltip.hidden = false;
  tooltip.style.left = between(8, x + 14, innerWidth - tooltip.offsetWidth - 8) + "px";
  tooltip.style.top = (y + 18 + tooltip.offsetHeight > innerHeight ? y - tooltip.offsetHeight - 10 : y + 18) + "px";
}

function hideTooltip() {
  byId("tooltip").hidden = true;
}

// The large map -------------------------------------------------------------------------------------------------------

const LABEL = 12; // px, the size of labels
const TALLEST_LABEL = 110;

// A map with labels. what() gives {name, matrix, scale, rowLabels, columnLabels or null, cell: [least, most] px,
// rowHeight or null for squares, describe(row, column, value), write(value) or null, marked: a row or -1}.
function largeMap(container, what) {
  container.classList.add("map");
  container.style.position = "relative";
  const canvas = container.appendChild(element("canvas"));
  const cursor = container.appendChild(element("div", "cursor"));
  cursor.style.cssText = `position:absolute;pointer-events:none;border:2px solid var(--accent);display:none`;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  let map = null, place = [0, 0];

  const redraw = whenSeen(container, () => {
    map = what();
    const { rows, columns } = map.matrix;
    canvas.setAttribute("aria-label", say("map_label", { name: map.name, rows, columns }));
    Object.assign(map, drawMap(canvas, map, container.clientWidth));
    cursor.style.display = "none";
  });

  function point(row, column, x, y) {
    place = [between(0, row, map.matrix.rows - 1), between(0, column, map.matrix.columns - 1)];
    const value = map.matrix.values[place[0] * map.matrix.columns + place[1]];
    cursor.style.cssText += `;display:block;left:${map.left + place[1] * map.width}px;top:${map.top + place[0] * map.height}px;` +
      `width:${Math.max(4, map.width)}px;height:${map.height}px`;
    const text = map.describe(place[0], place[1], value);
    if (x === undefined) {
      cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
      const box = cursor.getBoundingClientRect();
      [x, y] = [box.right, box.bottom];
      byId("spoken").textContent = text;
    }
    showTooltip(text, x, y);
  }
  function leave() {
    cursor.style.display = "none";
    hideTooltip();
  }
  canvas.addEventListener("pointermove", (event) => {
    if (!map) return;
    const row = Math.floor((event.offsetY - map.top) / map.height);
    const column = Math.floor((event.offsetX - map.left) / map.width);
    const inside = row >= 0 && column >= 0 && row < map.matrix.rows && column < map.matrix.columns;
    inside ? point(row, column, event.clientX, event.clientY) : leave();
  });
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("blur", leave);
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move || !map) return;
    event.preventDefault();
    point(place[0] + move[0], place[1] + move[1]);
  });
  return redraw;
}

// Draws the map into the room there is; gives where its cells begin and how large they are, in px.
function drawMap(canvas, map, room) {
  const { rows, columns } = map.matrix;
  const measure = canvas.getContext("2d");
  const font = `${LABEL}px ${variable("mono")}`;
  measure.font = font;
  const longest = (labels) => Math.min(TALLEST_LABEL, Math.max(0, ...labels.map((label) => measure.measureText(label).width)));
  const left = Math.ceil(longest(map.rowLabels)) + 10;
  const width = between(map.cell[0], (room - left - 2) / columns, map.cell[1]);
  const widest = map.columnLabels ? longest(map.columnLabels) : 0;
  const upright = widest <= width - 4;
  const top = map.columnLabels ? (upright ? LABEL + 10 : Math.ceil(widest) + 10) : 0;
  const height = map.rowHeight || width;
  canvas.style.width = left + columns * width + 2 + "px";
  canvas.style.height = top + rows * height + 2 + "px";
  const context = sized(canvas, left + columns * width + 2, top + rows * height + 2);
  context.imageSmoothingEnabled = width < 1;
  context.drawImage(pixels(map.matrix, map.scale), left, top, columns * width, rows * height);
  const cells = { left, top, width, height };
  if (width >= 9 && columns * rows <= 4000) drawGaps(context, map, cells);
  drawLabels(context, map, { ...cells, font, upright });
  if (map.write && width >= 38) writeValues(context, map, cells);
  if (map.marked >= 0) {
    context.strokeStyle = variable("accent");
    context.lineWidth = 2;
    context.strokeRect(left, top + map.marked * height, columns * width, height);
  }
  return cells;
}

function drawGaps(context, map, { left, top, width, height }) {
  context.fillStyle = variable("paper");
  for (let row = 1; row < map.matrix.rows; row++) context.fillRect(left, top + row * height - 0.5, map.matrix.columns * width, 1);
  for (let column = 1; column < map.matrix.columns; column++) context.fillRect(left + column * width - 0.5, top, 1, map.matrix.rows * height);
}

function drawLabels(context, map, { left, top, width, height, font, upright }) {
  context.font = font;
  context.fillStyle = variable("ink");
  context.textBaseline = "middle";
  context.textAlign = "right";
  const every = Math.ceil((LABEL + 1) / height); // rows may be too low for a label each
  map.rowLabels.forEach((label, row) => {
    if (row % every === 0) context.fillText(label, left - 6, top + (row + 0.5) * height, left - 8);
  });
  (map.columnLabels || []).forEach((label, column) => {
    const middle = left + (column + 0.5) * width;
    context.save();
    context.translate(middle, top - 6);
    if (!upright) context.rotate(-Math.PI / 2);
    context.textAlign = upright ? "center" : "left";
    context.textBaseline = upright ? "bottom" : "middle";
    context.fillText(label, 0, 0, upright ? width : TALLEST_LABEL);
    context.restore();
  });
}

function writeValues(context, map, { left, top, width, height }) {
  context.font = `11px ${variable("sans")}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  map.matrix.values.forEach((value, i) => {
    context.fillStyle = textOn(colourOf(map.scale, value));
    const [row, column] = [Math.floor(i / map.matrix.columns), i % map.matrix.columns];
    context.fillText(map.write(value), left + (column + 0.5) * width, top + (row + 0.5) * height);
  });
}
