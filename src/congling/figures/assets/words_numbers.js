// Words with their numbers out of the page's blocks, a field that finds words, and strips of colour.

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const wordPlaces = new Map(data.words.map((word, place) => [word, place]));
const count = data.words.length;
const whole = new Intl.NumberFormat(document.documentElement.lang);

// Whole numbers below 65,536 in two bytes each.
function idsOf(block) {
  const view = new DataView(bytesOf(block.ids).buffer);
  return Uint16Array.from({ length: view.byteLength / 2 }, (_, i) => view.getUint16(2 * i, true));
}

// Vectors of length 1 (words, D) of the first words, which is all that a cosine needs.
const units = unpacked(data.units);
const width = units.shape[1];
const unitOf = (place) => units.values.subarray(place * width, (place + 1) * width);
const hasVector = (place) => place < units.shape[0];

function dot(one, other) {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i] * other[i];
  return sum;
}

const around0 = (largest) => ({ table: "diverging", share: (value) => 0.5 + value / largest / 2 });
const largestOf = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);

// A vector as a strip, a colour a number; under the pointer its numbers.
function vectorStrip(values, largest) {
  const canvas = element("canvas");
  const draw = () => {
    canvas.width = values.length;
    canvas.height = 1;
    canvas.style.imageRendering = "pixelated";
    canvas.getContext("2d").drawImage(pixels({ rows: 1, columns: values.length, values }, around0(largest)), 0, 0);
  };
  draw();
  redraws.add(() => canvas.isConnected && draw());
  canvas.addEventListener("pointermove", (event) => {
    const place = between(0, Math.floor(event.offsetX / canvas.clientWidth * values.length), values.length - 1);
    showTooltip(say("number_of", { place: place + 1, value: decimal(values[place], 4) }), event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", hideTooltip);
  return canvas;
}

const MOST_FOUND = 12;

// Words that begin with what was typed, then those that hold it; the most frequent first.
function wordsLike(text) {
  const wanted = text.toLowerCase(), begin = [], hold = [];
  for (let place = 0; place < count && begin.length < MOST_FOUND; place++) {
    const at = data.words[place].toLowerCase().indexOf(wanted);
    if (at === 0) begin.push(place);
    else if (at > 0 && hold.length < MOST_FOUND) hold.push(place);
  }
  const exact = wordPlaces.get(text);
  return [...new Set([...(exact === undefined ? [] : [exact]), ...begin, ...hold])].slice(0, MOST_FOUND);
}

// A field with suggestions; choose(place) when a word was found. Gives {set(text)}.
function wordFinder(holder, label, choose) {
  const input = holder.appendChild(element("input"));
  const list = holder.appendChild(element("ul"));
  Object.assign(input, { type: "search", placeholder: label, autocomplete: "off", spellcheck: false });
  input.setAttribute("aria-label", label);
  list.hidden = true;
  let found = [], marked = 0;
  const close = () => { list.hidden = true; };
  const take = (place) => { input.value = data.words[place]; close(); choose(place); };
  const show = () => {
    found = input.value.trim() ? wordsLike(input.value.trim()) : [];
    marked = 0;
    list.hidden = !found.length;
    list.replaceChildren(...found.map((place, rank) => {
      const line = element("li", "", data.words[place]);
      line.append(element("small", "", whole.format(data.ids[place])));
      line.setAttribute("aria-selected", rank === 0);
      line.addEventListener("pointerdown", (event) => { event.preventDefault(); take(place); });
      return line;
    }));
  };
  input.addEventListener("input", show);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && found.length && !list.hidden) take(found[marked]);
    else if (event.key === "Enter" && wordPlaces.has(input.value.trim())) take(wordPlaces.get(input.value.trim()));
    else if (event.key === "Escape") close();
    else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
      marked = between(0, marked + (event.key === "ArrowDown" ? 1 : -1), found.length - 1);
      [...list.children].forEach((line, rank) => line.setAttribute("aria-selected", rank === marked));
      list.children[marked].scrollIntoView({ block: "nearest" });
      event.preventDefault();
    }
  });
  return { set: (text) => { input.value = text; } };
}

// A word with its cosine as a bar, to be chosen.
function wordBar(place, cosine, choose) {
  const line = element("li");
  const button = line.appendChild(element("button", "neighbour"));
  button.type = "button";
  const track = element("span"), bar = track.appendChild(element("i"));
  bar.style.width = between(0, cosine, 1) * 100 + "%";
  button.append(element("span", "", data.words[place]), track, element("span", "amount", decimal(cosine, 2)));
  button.addEventListener("click", () => choose(place));
  return line;
}
