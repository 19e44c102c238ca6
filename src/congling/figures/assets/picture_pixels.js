// Pictures and maps as pixels: numbers out of the page's blocks, and a canvas with one pixel a number.

const numberBlocks = new WeakMap();

// A block of picture_packing.py as {shape, values}.
function numbersOf(block) {
  if (!numberBlocks.has(block)) {
    const text = atob(block.floats || block.bytes);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    let values;
    if (block.floats !== undefined) {
      const view = new DataView(bytes.buffer); // little-endian on every machine
      values = Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
    } else {
      const step = (block.high - block.low) / 255;
      values = Float32Array.from(bytes, (level) => block.low + level * step);
    }
    numberBlocks.set(block, { shape: block.shape, values });
  }
  return numberBlocks.get(block);
}

// Matrix number index of a block, its last two dimensions being rows and columns.
function mapAt(block, index) {
  const { shape, values } = numbersOf(block);
  const [rows, columns] = shape.slice(-2);
  return { rows, columns, values: values.subarray(index * rows * columns, (index + 1) * rows * columns) };
}

// The largest distance from zero in a block, and whether it goes below zero.
const extents = new WeakMap();
function extent(block) {
  if (!extents.has(block)) {
    let [low, high] = [block.low, block.high];
    if (low === undefined) [low, high] = numbersOf(block).values.reduce(([l, h], v) => [v < l ? v : l, v > h ? v : h], [Infinity, -Infinity]);
    extents.set(block, { low, high, largest: Math.max(Math.abs(low), Math.abs(high)) || 1 });
  }
  return extents.get(block);
}

const around0 = (largest) => ({ table: "diverging", share: (value) => 0.5 + value / largest / 2 });
const from0 = (largest) => ({ table: "sequential", share: (value) => value / largest });
const fitting = (block) => (extent(block).low < 0 ? around0 : from0)(extent(block).largest);

// Draws a matrix, a pixel a number; the style sheet decides how large it is seen.
function drawMatrix(canvas, matrix, scale) {
  canvas.width = matrix.columns;
  canvas.height = matrix.rows;
  canvas.getContext("2d").drawImage(pixels(matrix, scale), 0, 0);
}

// Draws picture number index of a block (…, C, Y, X) of pixels as it is, grey or in colour.
function drawPicture(canvas, block, index) {
  const { shape, values } = numbersOf(block);
  const [channelCount, rows, columns] = shape.slice(-3);
  const first = (index || 0) * channelCount * rows * columns;
  const context = canvas.getContext("2d");
  canvas.width = columns;
  canvas.height = rows;
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    for (let colour = 0; colour < 3; colour++) image.data[4 * i + colour] = values[first + (channelCount === 3 ? colour * rows * columns : 0) + i];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// Row and column of a canvas's pixel under the pointer.
function pixelUnder(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [
    between(0, Math.floor((event.clientY - box.top) / box.height * canvas.height), canvas.height - 1),
    between(0, Math.floor((event.clientX - box.left) / box.width * canvas.width), canvas.width - 1),
  ];
}

// A canvas that tells where the pointer or the arrow keys are: tell(row, column, event); leave() when they go.
function pointable(canvas, tell, leave) {
  let place = [0, 0];
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.addEventListener("pointermove", (event) => tell(...(place = pixelUnder(event, canvas)), event));
  canvas.addEventListener("pointerdown", (event) => tell(...(place = pixelUnder(event, canvas)), event));
  if (leave) canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    place = [between(0, place[0] + move[0], canvas.height - 1), between(0, place[1] + move[1], canvas.width - 1)];
    tell(...place, null);
  });
  return (row, column) => (place = [row, column]);
}

// A frame over a canvas around some of its pixels, which may reach beyond its edge.
function frame(mark, canvas, row, column, rows, columns) {
  Object.assign(mark.style, {
    left: column / canvas.width * 100 + "%", top: row / canvas.height * 100 + "%",
    width: columns / canvas.width * 100 + "%", height: rows / canvas.height * 100 + "%",
  });
}
