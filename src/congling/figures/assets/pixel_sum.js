// The arithmetic of one output pixel: patch × kernel, summed, and what is added to it, all numbers to be seen.
//
// A sum is {inputs: {shape, values}, kernel: (c, k, l) => number, kernelSide, stride, padding}; the rest is steps.

const MOST_SHARES = 8;
const MOST_SIDE_WITH_NUMBERS = 9;

// What the patch of a pixel holds: for each channel its numbers, whether they are in the picture, and the products.
function productsOf(sum, row, column) {
  const [channelCount, rows, columns] = sum.inputs.shape.slice(-3);
  const side = sum.kernelSide;
  const found = [];
  for (let c = 0; c < channelCount; c++) {
    const cells = [];
    let total = 0;
    for (let k = 0; k < side; k++) for (let l = 0; l < side; l++) {
      const [y, x] = [row * sum.stride + k - sum.padding, column * sum.stride + l - sum.padding];
      const inside = y >= 0 && x >= 0 && y < rows && x < columns;
      const input = inside ? sum.inputs.values[(c * rows + y) * columns + x] : 0;
      const weight = sum.kernel(c, k, l);
      cells.push({ input, weight, product: input * weight, inside });
      total += input * weight;
    }
    found.push({ channel: c, cells, total });
  }
  return found;
}

// Small numbers of one size as a table with their colours.
function numberTable(side, values, scale, caption, inside, write = shortDecimal) {
  const table = element("table", "numbers");
  table.append(element("caption", "", caption));
  for (let k = 0; k < side; k++) {
    const line = table.appendChild(element("tr"));
    for (let l = 0; l < side; l++) {
      const value = values[k * side + l];
      const cell = line.appendChild(element("td", "", write(value)));
      if (inside && !inside[k * side + l]) {
        cell.classList.add("outside");
        continue;
      }
      const colour = colourOf(scale, value);
      cell.style.background = css(colour);
      cell.style.color = textOn(colour);
    }
  }
  return table;
}

function shortDecimal(value) {
  if (Number.isInteger(value)) return decimal(value, 0);
  const size = Math.abs(value);
  return decimal(value, size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

// Three tables into a container: what goes in × the kernel = the products; write(weight) for the kernel's numbers.
function showProducts(container, side, cells, scale, write) {
  container.classList.toggle("large", side > 5);
  container.replaceChildren();
  if (side > MOST_SIDE_WITH_NUMBERS) {
    container.append(element("p", "muted", texts.kernel_too_large));
    return;
  }
  const inside = cells.map((cell) => cell.inside);
  const weights = cells.map((cell) => cell.weight), products = cells.map((cell) => cell.product);
  const widest = (values) => Math.max(1e-9, ...values.map(Math.abs));
  container.append(
    numberTable(side, cells.map((cell) => cell.input), scale, texts.patch, inside), element("span", "sign", "×"),
    numberTable(side, weights, around0(widest(weights)), texts.kernel, null, write), element("span", "sign", "="),
    numberTable(side, products, around0(widest(products)), texts.products),
  );
}

// Lines {text, value, total} of a calculation.
function showLedger(body, lines) {
  body.replaceChildren(...lines.map(({ text, value, total }) => {
    const line = element("tr", total ? "total" : "");
    line.append(element("td", "", text), element("td", "", typeof value === "number" ? decimal(value, 4) : value));
    return line;
  }));
}

// Bars of what each input channel adds, the largest first; choose(channel) when one is clicked.
function showShares(list, found, chosen, choose) {
  const sorted = [...found].sort((one, other) => Math.abs(other.total) - Math.abs(one.total));
  const shown = sorted.slice(0, MOST_SHARES), others = sorted.slice(MOST_SHARES);
  const widest = Math.max(1e-9, ...shown.map((each) => Math.abs(each.total)));
  list.replaceChildren(...shown.map((each) => {
    const line = shareLine(say("channel", { channel: each.channel }), each.total, widest);
    line.classList.toggle("chosen", each.channel === chosen);
    line.addEventListener("click", () => choose(each.channel));
    return line;
  }));
  if (!others.length) return;
  const rest = others.reduce((sum, each) => sum + each.total, 0);
  const line = list.appendChild(shareLine(say("other_channels", { count: others.length }), rest, Math.max(widest, Math.abs(rest))));
  line.classList.add("others");
}

function shareLine(name, value, widest) {
  const line = element("li");
  const track = element("span", "track"), bar = track.appendChild(element("i"));
  const width = Math.abs(value) / widest * 50;
  Object.assign(bar.style, {
    left: (value < 0 ? 50 - width : 50) + "%", width: width + "%", background: css(colourOf(around0(1), value < 0 ? -0.75 : 0.75)),
  });
  line.append(element("span", "piece", name), track, element("span", "amount", decimal(value, 3)));
  return line;
}
