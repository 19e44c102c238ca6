// Curves over the words of a text: the probability of each class after each word, and bars of what each piece adds.

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return parent ? parent.appendChild(made) : made;
}

// How wide a text is, in characters of a narrow script.
const breadth = (text) => [...text].reduce((sum, sign) => sum + (sign.codePointAt(0) > 0x2e7f ? 2 : 1), 0);
const clipped = (text) => ([...text].length > 9 ? [...text].slice(0, 8).join("") + "…" : text);

// Where each of the texts begins and how wide its column is, in px; at least `room` altogether.
function columnsOf(labels, room) {
  const widths = labels.map((label) => Math.max(18, 7.2 * breadth(clipped(label)) + 10));
  const stretch = Math.max(1, room / widths.reduce((sum, width) => sum + width, 0));
  let left = 0;
  return widths.map((width) => {
    const column = { left, width: width * Math.min(stretch, 3) };
    left += column.width;
    return column;
  });
}

const categories = variable("categories").split(",");
const colourOfClass = (number) => `var(--class-${number % categories.length})`;
function nameColours() {
  variable("categories").split(",").forEach((colour, number) => {
    document.documentElement.style.setProperty("--class-" + number, colour.trim());
  });
}
nameColours();
redraws.add(nameColours);

const MOST_CURVES = 6;
// The classes that are drawn: the likeliest ones at the end; of two, one says all.
const ranked = data.classes.map((_, number) => number)
  .sort((one, other) => data.probabilities.at(-1)[other] - data.probabilities.at(-1)[one]);
const curves = data.classes.length === 2 ? [data.answer] : ranked.slice(0, MOST_CURVES);

// Draws the curves; onChoose(place) is called with 0 for the beginning, 1 for the first word … Gives move(place).
function drawCurves(container, onChoose) {
  const labels = ["", ...data.words];
  const [left, right, top, below] = [52, 96, 12, 30];
  const height = 260, room = Math.max(320, container.clientWidth - left - right);
  const columns = columnsOf(labels, room);
  const width = left + right + columns.at(-1).left + columns.at(-1).width;
  const middle = (place) => left + columns[place].left + columns[place].width / 2;
  const y = (share) => top + (1 - share) * (height - top - below);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": texts.curve_label }, container);
  drawing.style.minWidth = width > room + left + right + 1 ? width + "px" : "0";
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    svg("line", { x1: left, x2: width - right, y1: y(share), y2: y(share), stroke: "var(--line)", "stroke-dasharray": share === 0.5 ? "" : "2 4" }, drawing);
    svg("text", { x: left - 8, y: y(share) + 4, "text-anchor": "end" }, drawing).textContent = `${share * 100} %`;
  }
  labels.forEach((label, place) => {
    const text = svg("text", { x: middle(place), y: height - 8, "text-anchor": "middle", class: "word" }, drawing);
    text.textContent = clipped(label);
  });
  const cursor = svg("line", { y1: top, y2: height - below, stroke: "var(--accent)", "stroke-dasharray": "3 3" }, drawing);
  let taken = [];
  curves.forEach((number) => {
    const points = data.probabilities.map((shares, place) => [middle(place), y(shares[number])]);
    const colour = curves.length === 1 ? "var(--accent)" : colourOfClass(number);
    svg("polyline", { points: points.map((point) => point.join(",")).join(" "), fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-linejoin": "round" }, drawing);
    points.forEach(([x, height]) => svg("circle", { cx: x, cy: height, r: 3, fill: colour }, drawing));
    let at = points.at(-1)[1] + 4;
    while (taken.some((other) => Math.abs(other - at) < 14)) at += 14;
    taken.push(at);
    const name = svg("text", { x: points.at(-1)[0] + 10, y: at }, drawing);
    name.textContent = data.classes[number];
    name.style.fill = colour;
  });
  labels.forEach((label, place) => {
    const area = svg("rect", { x: left + columns[place].left, y: 0, width: columns[place].width, height, fill: "transparent" }, drawing);
    area.style.cursor = "pointer";
    area.addEventListener("click", () => onChoose(place));
    area.addEventListener("pointermove", (event) => {
      const share = curves.map((number) => `${data.classes[number]} ${percent(data.probabilities[place][number])}`).join(", ");
      const where = place ? say("after_word", { word: label }) : texts.nothing_yet;
      showTooltip(`${where}: ${share}`, event.clientX, event.clientY);
    });
    area.addEventListener("pointerleave", hideTooltip);
  });
  return (place) => ["x1", "x2"].forEach((name) => cursor.setAttribute(name, middle(place)));
}

// Bars up and down from zero, one a piece.
function drawShares(container, number) {
  container.replaceChildren();
  const shares = data.shares[number];
  const largest = Math.max(1e-9, ...shares.map(Math.abs));
  const [left, top, below] = [52, 14, 34], height = 220;
  const columns = columnsOf(data.pieces, Math.max(320, container.clientWidth - left - 8));
  const width = left + 8 + columns.at(-1).left + columns.at(-1).width;
  const y = (share) => top + (1 - (share / largest + 1) / 2) * (height - top - below);
  const label = say("picture_label", { name: data.classes[number] });
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label }, container);
  drawing.style.minWidth = width > container.clientWidth ? width + "px" : "0";
  for (const share of [-largest, 0, largest]) {
    svg("line", { x1: left, x2: width, y1: y(share), y2: y(share), stroke: "var(--line)" }, drawing);
    svg("text", { x: left - 8, y: y(share) + 4, "text-anchor": "end" }, drawing).textContent = decimal(share, 2);
  }
  const [against, , , , forIt] = variable("diverging").split(",");
  shares.forEach((share, place) => {
    const { left: start, width: room } = columns[place];
    const bar = svg("rect", {
      x: left + start + room * 0.15, width: room * 0.7, y: Math.min(y(0), y(share)),
      height: Math.max(1, Math.abs(y(share) - y(0))), fill: share < 0 ? against : forIt, rx: 2,
    }, drawing);
    const text = say("share_value", { piece: data.pieces[place], value: decimal(share, 3) });
    svg("title", {}, bar).textContent = text;
    svg("text", { x: left + start + room / 2, y: height - 10, "text-anchor": "middle", class: "word" }, drawing).textContent = clipped(data.pieces[place]);
  });
}
