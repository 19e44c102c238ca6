// Three encodings of a sentence, how alike its words are in each, and the product that makes two of them the same.

const known = data.sentence.filter((each) => each.id !== null).map((each) => ({ ...each, vector: unpackedFloats(each.vector), table: unpackedFloats(each.rows) }));
const FIRST_NUMBERS = 4;
const COLUMNS = 5;

function unpackedFloats(block) {
  const view = new DataView(bytesOf(block.floats).buffer);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function buildEncodings() {
  const largest = largestOf(known.flatMap((each) => [...each.vector]));
  let place = 0;
  for (const each of data.sentence) {
    const rows = byId("encoding-rows");
    rows.append(element("span", "word", each.word));
    if (each.id === null) {
      rows.append(element("span", "unknown", texts.unknown));
      continue;
    }
    const { vector } = known[place++];
    const numbers = [...vector.subarray(0, FIRST_NUMBERS)].map((value) => decimal(value, 3)).join("  ");
    const oneHot = element("div"), embedding = element("div");
    oneHot.append(oneHotStrip(each.id), oneHotText(each.id));
    embedding.append(vectorStrip(vector, largest), element("small", "", `${numbers}${vector.length > FIRST_NUMBERS ? "  …" : ""}`));
    rows.append(element("span", "id", whole.format(each.id)), oneHot, embedding);
  }
}

// As wide as the vocabulary, so a word is far less than a pixel: it is drawn two wide.
function oneHotStrip(id) {
  const canvas = element("canvas");
  const draw = () => {
    const room = canvas.clientWidth || 240, context = sized(canvas, room, 24);
    context.fillStyle = variable("surface");
    context.fillRect(0, 0, room, 24);
    context.fillStyle = variable("accent");
    context.fillRect(Math.min(id / data.total * room, room - 2), 0, Math.max(2, room / data.total), 24);
  };
  whenSeen(canvas, draw);
  return canvas;
}

function oneHotText(id) {
  const text = element("small");
  const before = id, after = data.total - id - 1;
  const zeros = (many) => (many > 3 ? say("zeros", { count: whole.format(many) }) : "0 ".repeat(many).trim());
  text.append(before ? zeros(before) + " " : "", element("b", "", "1"), after ? " " + zeros(after) : "");
  return text;
}

// How alike -----------------------------------------------------------------------------------------------------------

const MOST_ALIKE = 12;

function buildAlike() {
  const some = known.slice(0, MOST_ALIKE), words = some.map((each) => each.word);
  const unit = (vector) => { const length = Math.sqrt(dot(vector, vector)) || 1; return vector.map((value) => value / length); };
  const directions = some.map((each) => unit(each.vector));
  const farthest = Math.max(1, ...some.flatMap((one) => some.map((other) => Math.abs(one.id - other.id))));
  alike("alike-index", texts.index_alike, words, (i, j) => Math.abs(some[i].id - some[j].id), scales.linear(0, farthest), (value) => shortCount(value));
  alike("alike-one-hot", texts.one_hot_alike, words, (i, j) => Number(some[i].id === some[j].id), around0(1), (value) => decimal(value, 0));
  alike("alike-embedding", texts.embedding_alike, words, (i, j) => dot(directions[i], directions[j]), around0(1), (value) => decimal(value, 2));
}

const shortCount = (value) => (value < 1000 ? String(value) : `${decimal(value / 1000, value < 10000 ? 1 : 0)}k`);

function alike(id, name, words, of, scale, write) {
  const values = Float32Array.from(words.flatMap((_, i) => words.map((_word, j) => of(i, j))));
  largeMap(byId(id), () => ({
    name, matrix: { rows: words.length, columns: words.length, values }, scale, rowLabels: words, columnLabels: words,
    cell: [14, 64], rowHeight: words.length > 7 ? 26 : 34, write, marked: -1,
    describe: (row, column, value) => say("alike", { one: words[row], other: words[column], value: write(value) }),
  }));
}

// The product ---------------------------------------------------------------------------------------------------------

function buildProduct() {
  const chips = known.map((each) => {
    const chip = element("li").appendChild(element("button", "chip", each.word));
    chip.type = "button";
    chip.append(element("small", "", whole.format(each.id)));
    chip.addEventListener("click", () => show(each, chip));
    return chip;
  });
  byId("product-words").append(...chips.map((chip) => chip.parentElement));
  const show = (each, chosen) => {
    chips.forEach((chip) => chip.setAttribute("aria-pressed", chip === chosen));
    showProduct(each);
  };
  if (known.length) show(known[0], chips[0]);
  redraws.add(() => known.length && chips.find((chip) => chip.getAttribute("aria-pressed") === "true").click());
}

function showProduct({ id, word, vector, table, first }) {
  const shown = Math.min(COLUMNS, width), rows = table.length / width, largest = largestOf(table);
  const more = { left: first > 0, right: first + rows < data.total, columns: width > shown };
  const gap = () => element("td", "gap", "…");
  const numberCell = (value) => {
    const cell = element("td", "", decimal(value, 3)), colour = colourOf(around0(largest), value);
    cell.style.background = css(colour);
    cell.style.color = textOn(colour);
    return cell;
  };
  const row = (values) => [...values.subarray(0, shown)].map(numberCell).concat(more.columns ? [gap()] : []);
  const oneHot = numbersTable(say("one_hot_shape", { total: whole.format(data.total) }), [[null, [
    ...(more.left ? [gap()] : []),
    ...Array.from({ length: rows }, (_, i) => element("td", first + i === id ? "one" : "zero", first + i === id ? "1" : "0")),
    ...(more.right ? [gap()] : []),
  ]]]);
  const lines = Array.from({ length: rows }, (_, i) => [whole.format(first + i), row(table.subarray(i * width, (i + 1) * width)), first + i === id]);
  const dots = () => ["⋮", Array.from({ length: shown }, () => element("td", "gap", "⋮"))];
  const matrix = numbersTable(say("matrix_shape", { total: whole.format(data.total), width }), [...(more.left ? [dots()] : []), ...lines, ...(more.right ? [dots()] : [])]);
  const result = numbersTable(say("row_shape", { word, width }), [[null, row(vector), true]]);
  byId("product-tables").replaceChildren(oneHot, element("span", "sign", "×"), matrix, element("span", "sign", "="), result);
  byId("product-cost").textContent = say("product_cost", { product: whole.format(data.total * width), zeros: whole.format((data.total - 1) * width), width });
}

function numbersTable(caption, lines) {
  const table = element("table");
  table.append(element("caption", "", caption));
  for (const [head, cells, taken] of lines) {
    const line = table.appendChild(element("tr", taken ? "taken" : ""));
    if (head !== null) line.append(element("th", "", head));
    line.append(...cells);
  }
  return table;
}
