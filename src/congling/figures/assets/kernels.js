// The page of known kernels: the filters side by side, and one pixel of one of them calculated.

const chosen = { filter: 4, row: data.place[0], column: data.place[1] };
const grey = { table: "grey", share: (value) => value / 255 };
const widestOf = (kernel) => Math.max(...kernel.flat().map(Math.abs));
const fraction = (divisor) => (weight) => (divisor > 1 ? `${Math.round(weight * divisor)}/${divisor}` : shortDecimal(weight));
const kernelTable = (kernel, divisor) =>
  numberTable(kernel.length, kernel.flat(), around0(widestOf(kernel)), texts.kernel, null, fraction(divisor));

function buildFilters() {
  data.filters.forEach((filter, number) => {
    const card = byId("filters").appendChild(element("div", "filter"));
    const button = card.appendChild(element("button"));
    button.type = "button";
    button.setAttribute("aria-label", filter.title);
    const canvas = button.appendChild(element("canvas"));
    drawPicture(canvas, filter.grey);
    button.addEventListener("click", (event) => {
      const place = event.detail ? pixelUnder(event, canvas) : [chosen.row, chosen.column];
      choose(number, ...place);
      byId("sums").scrollIntoView();
    });
    const kernels = element("div", filter.kernels.length > 1 ? "kernels two" : "kernels");
    const paint = () => kernels.replaceChildren(...filter.kernels.map((kernel) => kernelTable(kernel, filter.divisor)));
    paint();
    redraws.add(paint);
    card.append(element("h3", "", filter.title), element("p", "", filter.text), kernels);
  });
}

const views = {};
function buildSums() {
  for (const name of ["source", "result"]) {
    const box = byId(name), canvas = box.appendChild(element("canvas"));
    views[name] = { canvas, mark: box.appendChild(element("i")) };
    views[name].goTo = pointable(canvas, (row, column) => choose(chosen.filter, row, column));
    canvas.setAttribute("aria-label", name === "source" ? texts.goes_in : texts.sums_title);
  }
  drawPicture(views.source.canvas, data.picture);
  redraws.add(show);
}

function choose(filter, row, column) {
  Object.assign(chosen, { filter, row, column });
  Object.values(views).forEach((view) => view.goTo(row, column));
  byId("filters").querySelectorAll("button").forEach((button, number) => button.setAttribute("aria-pressed", number === filter));
  show();
}

function show() {
  const { row, column } = chosen, filter = data.filters[chosen.filter];
  const side = filter.kernels[0].length;
  byId("chosen-title").textContent = filter.title;
  drawPicture(views.result.canvas, filter.grey);
  frame(views.source.mark, views.source.canvas, row - data.padding, column - data.padding, side, side);
  frame(views.result.mark, views.result.canvas, row, column, 1, 1);
  byId("sum-place").textContent = say("sum_place", { name: filter.title, row, column });
  const sums = filter.kernels.map((kernel) => productsOf({
    inputs: numbersOf(data.continued), kernelSide: side, stride: 1, padding: 0, kernel: (c, k, l) => kernel[k][l],
  }, row, column)[0]);
  byId("sums-of-kernels").replaceChildren(...sums.map((sum) => {
    const line = element("div", "products");
    showProducts(line, side, sum.cells, grey, fraction(filter.divisor));
    return line;
  }));
  showLedger(byId("ledger"), ledger(filter, sums.map((sum) => sum.total), row, column));
}

function ledger(filter, totals, row, column) {
  const count = filter.kernels[0].length ** 2;
  const lines = totals.map((total) => ({ text: say("products_sum", { count }), value: total }));
  let value = totals[0];
  if (totals.length > 1) {
    value = Math.hypot(...totals);
    lines.push({ text: say("root", { first: shortDecimal(totals[0]), second: shortDecimal(totals[1]) }), value });
  }
  const plain = filter.middle === 0 && filter.gain === 1;
  const level = Math.floor(between(0, filter.middle + filter.gain * value, 255) + 0.5);
  lines.push({ text: plain ? texts.to_grey_plain : say("to_grey", filter), value: String(level), total: true });
  const { columns, values } = mapAt(filter.grey, 0);
  const there = values[row * columns + column];
  lines.push({ text: texts.in_the_picture, value: there + (Math.abs(there - level) < 0.5 ? " ✓" : "") });
  return lines;
}

buildFilters();
buildSums();
choose(chosen.filter, chosen.row, chosen.column);
