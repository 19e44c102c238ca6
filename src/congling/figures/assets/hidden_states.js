// The states and gates of recurrent layers through time: needs heatmap.js, and the texts of figures/recurrence.

// Fills the container with pickers and a map; pieces are the labels of the positions. Gives a function that marks none.
function drawHiddenStates(container, scans, pieces) {
  const chosen = { scan: 0, value: "hidden" };
  const pickers = container.appendChild(element("div", "pickers"));
  const select = (label, entries, change) => {
    const field = pickers.appendChild(element("label", "", label + " "));
    const box = field.appendChild(element("select"));
    const fill = (list) => box.replaceChildren(...list.map(([text, value]) => new Option(text, value)));
    fill(entries);
    box.addEventListener("change", () => change(box.value));
    return { box, fill };
  };
  const valuesOf = (scan) => Object.keys(scan.values).map((name) => [texts["value_" + name], name]);
  const named = scans.map((scan, number) => [say(`scan_${scan.direction}`, { layer: scan.layer }), number]);
  const map = element("div");
  const redraw = () => drawn();
  if (scans.length > 1) {
    select(texts.scan_picker, named, (number) => {
      chosen.scan = Number(number);
      redraw();
    });
  }
  if (Object.keys(scans[0].values).length > 1) {
    select(texts.value_picker, valuesOf(scans[0]), (name) => {
      chosen.value = name;
      redraw();
    });
  }
  container.append(map);
  const drawn = largeMap(map, () => {
    const scan = scans[chosen.scan];
    const block = scan.values[chosen.value];
    const matrix = matrixOf(block);
    return {
      name: texts["value_" + chosen.value],
      matrix,
      scale: block.low < 0
        ? { table: "diverging", share: (value) => (value / block.high + 1) / 2 }
        : { table: "sequential", share: (value) => value },
      rowLabels: scan.chosen.map(String),
      columnLabels: pieces,
      cell: [12, 40],
      rowHeight: 9,
      describe: (row, column, value) =>
        say("unit_value", { piece: pieces[column], unit: scan.chosen[row], units: scan.units, value: decimal(value, 3) }),
      write: null,
      marked: -1,
    };
  });
  return redraw;
}
