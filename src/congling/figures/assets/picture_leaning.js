// Which pixels a class's score leans on: the gradient, gradient × input, and covering.

const leaning = { place: 0 };

function buildLeaning() {
  const { classes } = data.influence;
  classes.forEach((number, place) => {
    const chip = byId("leaning-classes").appendChild(element("button", "chip", data.classes[number]));
    chip.type = "button";
    chip.append(element("small", "number", percent(data.probabilities[now][number])));
    chip.addEventListener("click", () => chooseLeaning(place));
  });
  const shown = [["picture", null], ["gradient", from0], ["product", around0], ["drop", around0]];
  leaning.redraws = shown.map(([name, scale]) => leaningFigure(name, scale));
  chooseLeaning(0);
}

function chooseLeaning(place) {
  leaning.place = place;
  byId("leaning-classes").querySelectorAll("button").forEach((chip, other) => chip.setAttribute("aria-pressed", other === place));
  leaning.redraws.forEach((redraw) => redraw(false));
}

function leaningFigure(name, scale) {
  const figure = byId("leanings").appendChild(element("figure"));
  figure.appendChild(element("figcaption")).append(element("h3", "", texts["leaning_" + name]));
  const box = figure.appendChild(element("div", "pointed"));
  const canvas = box.appendChild(element("canvas"));
  canvas.setAttribute("aria-label", texts["leaning_" + name]);
  if (name === "drop") insetDrop(canvas);
  if (name === "picture") leaning.mark = box.appendChild(element("i"));
  figure.append(element("p", "", say(`leaning_${name}_text`, { side: data.influence.patch })));
  const block = data.influence[name];
  const matrix = () => mapAt(block, leaning.place);
  const redraw = whenSeen(box, () => {
    if (name === "picture") {
      drawPicture(canvas, data.picture);
      leaning.mark.hidden = true;
    } else drawMatrix(canvas, matrix(), scale(matrix().values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1));
  });
  if (name !== "picture") pointable(canvas, (row, column, event) => tellLeaning(name, matrix(), row, column, event, canvas), () => {
    hideTooltip();
    leaning.mark.hidden = true;
  });
  return redraw;
}

// A number of the map stands where the middle of its covering patch was.
function insetDrop(canvas) {
  const { patch, stride, drop } = data.influence, side = data.picture.shape[1];
  canvas.style.width = drop.shape[2] * stride / side * 100 + "%";
  canvas.style.margin = (patch - stride) / 2 / side * 100 + "%";
}

function tellLeaning(name, { columns, values }, row, column, event, canvas) {
  const { patch, stride } = data.influence;
  const [scale, side] = name === "drop" ? [stride, patch] : [1, 1];
  const picture = byId("leanings").querySelector("canvas");
  leaning.mark.hidden = false;
  frame(leaning.mark, picture, row * scale, column * scale, side, side);
  const box = canvas.getBoundingClientRect();
  const [x, y] = event ? [event.clientX, event.clientY] : [box.left + (column + 1) / canvas.width * box.width, box.top + (row + 1) / canvas.height * box.height];
  const text = `${say("pixel", { row: row * scale, column: column * scale })}: ${decimal(values[row * columns + column], 3)}`;
  showTooltip(text, x, y);
  if (!event) byId("spoken").textContent = text;
}
