// The page of a picture is put together: head, scores, course, mistakes, the slider, and what the other files build.

const MOST_BARS = 12;
const best = data.scores[now].reduce((top, score, i, all) => (score > all[top] ? i : top), 0);
const likeliest = data.classes.map((_, number) => number).sort((one, other) => data.scores[now][other] - data.scores[now][one]);

function buildHead() {
  byId("certainty").textContent = percent(data.probabilities[now][best]);
  const truth = byId("truth");
  if (data.truth !== null) {
    truth.textContent = say(data.truth === best ? "is_right" : "is_wrong", { truth: data.classes[data.truth] });
    truth.classList.toggle("wrong", data.truth !== best);
  }
  const [channelCount, rows, columns] = data.picture.shape;
  byId("shape").textContent = say(channelCount === 3 ? "colour_shape" : "grey_shape", { columns, rows });
  byId("remarks").textContent = data.remarks.join(texts.semicolon);
  drawPicture(byId("picture"), data.picture);
  byId("picture").addEventListener("pointermove", (event) => {
    const [row, column] = pixelUnder(event, byId("picture"));
    const { values } = numbersOf(data.picture);
    const colours = Array.from({ length: channelCount }, (_, c) => values[(c * rows + row) * columns + column]);
    showTooltip(`${say("pixel", { row, column })}: ${colours.join(", ")}`, event.clientX, event.clientY);
  });
  byId("picture").addEventListener("pointerleave", hideTooltip);
}

// Scores --------------------------------------------------------------------------------------------------------------

function buildBars() {
  const shown = data.classes.length <= MOST_BARS ? data.classes.map((_, number) => number) : likeliest.slice(0, MOST_BARS);
  const lines = shown.map((number) => {
    const line = byId("bars").appendChild(element("li"));
    const bar = element("span", "track");
    line.append(element("span", "piece", data.classes[number]), bar, element("span", "amount"), element("span", "score"));
    line.classList.toggle("true", number === data.truth);
    return [number, line, bar.appendChild(element("i"))];
  });
  const draw = () => lines.forEach(([number, line, bar]) => {
    const share = data.probabilities[step][number], scores = data.scores[step];
    bar.style.width = share * 100 + "%";
    line.classList.toggle("chosen", scores.every((score) => score <= scores[number]));
    line.querySelector(".amount").textContent = percent(share);
    line.querySelector(".score").textContent = decimal(scores[number] === null ? NaN : scores[number], 2);
  });
  draw();
  onStep.add(draw);
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return parent ? parent.appendChild(made) : made;
}

// The likeliest classes' probabilities over the steps; every step that was kept stands as far from the next.
function buildCourse() {
  byId("course-figure").hidden = !now;
  if (!now) return;
  const [width, height, left, right, below] = [520, 300, 44, 70, 40];
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": texts.course_title }, byId("course"));
  const x = (place) => left + place / now * (width - left - right), y = (share) => 10 + (1 - share) * (height - 10 - below);
  for (const share of [0, 0.5, 1]) {
    svg("line", { x1: left, x2: width - right, y1: y(share), y2: y(share), stroke: "var(--line)" }, drawing);
    svg("text", { x: left - 8, y: y(share) + 4, "text-anchor": "end" }, drawing).textContent = `${share * 100} %`;
  }
  const every = Math.ceil((now + 1) / 8);
  data.steps.forEach((each, place) => {
    if (place !== now && (place % every || now - place < every * 0.7)) return;
    svg("text", { x: x(place), y: height - below + 18, "text-anchor": "middle" }, drawing).textContent = each;
  });
  svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, drawing).textContent = texts.step_axis;
  const cursor = svg("line", { y1: y(1), y2: y(0), stroke: "var(--accent)", "stroke-dasharray": "3 3" }, drawing);
  drawCourses(drawing, x, y, width - right);
  const move = () => ["x1", "x2"].forEach((name) => cursor.setAttribute(name, x(step)));
  move();
  onStep.add(move);
}

function drawCourses(drawing, x, y, end) {
  const highest = (number) => Math.max(...data.probabilities.map((shares) => shares[number]));
  const named = [best, ...likeliest.filter((number) => number !== best).sort((one, other) => highest(other) - highest(one))].slice(0, 5);
  const taken = [];
  const paint = () => variable("categories").split(",").forEach((colour, rank) => drawing.style.setProperty(`--category-${rank + 1}`, colour));
  paint();
  redraws.add(paint);
  named.forEach((number, rank) => {
    const points = data.probabilities.map((shares, place) => `${x(place).toFixed(1)},${y(shares[number]).toFixed(1)}`);
    const colour = rank ? `var(--category-${rank})` : "var(--accent)";
    const line = svg("path", { d: "M" + points.join("L"), style: `stroke:${colour}`, "stroke-opacity": rank ? 0.7 : 1 }, drawing);
    svg("title", {}, line).textContent = data.classes[number];
    let at = y(data.probabilities[now][number]);
    while (taken.some((other) => Math.abs(other - at) < 14)) at -= 14;
    taken.push(at);
    svg("text", { x: end + 8, y: at + 4, style: `fill:${colour};font-weight:${rank ? 400 : 700}` }, drawing).textContent = data.classes[number].slice(0, 9);
  });
}

// Mistakes ------------------------------------------------------------------------------------------------------------

function buildMistakes() {
  const held = data.held_out;
  byId("mistakes").hidden = byId("to-mistakes").hidden = !held;
  if (!held) return;
  const { right, count, accuracy, low, high } = held;
  byId("accuracy").textContent = say("accuracy_" + held.part, { right, count, accuracy: percent(accuracy), low: percent(low), high: percent(high) });
  const values = Float32Array.from(held.confusion.flat());
  const totals = held.confusion.map((row) => row.reduce((sum, each) => sum + each, 0));
  const length = data.classes.length;
  largeMap(byId("confusion"), () => ({
    name: texts.confusion_title,
    matrix: { rows: length, columns: length, values },
    scale: { table: "sequential", share: (each) => Math.sqrt(each / Math.max(1, ...totals)) },
    rowLabels: data.classes,
    columnLabels: data.classes,
    cell: [8, 46],
    describe: (row, column, value) => say("confused", { truth: data.classes[row], answer: data.classes[column], count: value, total: totals[row] }),
    write: (value) => (value ? String(value) : ""),
    marked: -1,
  }));
  held.mistakes.forEach((mistake, number) => {
    const figure = byId("worst").appendChild(element("figure"));
    const canvas = figure.appendChild(element("canvas"));
    drawPicture(canvas, held.pictures, number);
    canvas.title = mistake.name;
    const caption = figure.appendChild(element("figcaption", "muted"));
    caption.append(element("b", "", `${data.classes[mistake.truth]} → ${data.classes[mistake.answer]}`), document.createElement("br"), percent(mistake.probability));
  });
  if (!held.mistakes.length) byId("worst").append(element("p", "muted", texts.no_mistakes));
}

// Through training ----------------------------------------------------------------------------------------------------

function goTo(place) {
  step = place;
  byId("step").value = place;
  const shares = data.probabilities[place];
  const answer = shares.reduce((top, share, i) => (share > shares[top] ? i : top), 0);
  byId("step-text").textContent = say("step_answer", { step: data.steps[place], last: data.steps[now], answer: data.classes[answer], share: percent(shares[answer]) });
  onStep.forEach((redraw) => redraw());
}

function buildDock() {
  byId("dock").hidden = !now;
  if (!now) return;
  const slider = byId("step"), button = byId("play");
  slider.max = now;
  slider.addEventListener("input", () => { stop(); goTo(Number(slider.value)); });
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "▶";
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (isNow()) goTo(0);
    button.textContent = "❚❚";
    timer = setInterval(() => { goTo(step + 1); if (isNow()) stop(); }, 700);
  });
  goTo(now);
}

buildHead();
buildBars();
buildCourse();
buildLayers();
buildSums();
buildTemplates();
buildLeaning();
buildMistakes();
buildDock();
