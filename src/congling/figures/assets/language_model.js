// The text in the colours of its surprise, what was foretold at each place, and the states behind it.

const MOST_BITS = 12; // of surprise, for the darkest colour
const buttons = [];
let current = 0;

const bitsOf = (place) => (place.bits === null ? Infinity : place.bits);
const surpriseScale = { table: "sequential", share: (bits) => Math.min(1, bits / MOST_BITS) };
const isSign = (piece) => /^(<.*>|[↵⇥▁]+)$/.test(piece);
const asText = (piece) => (isSign(piece) ? piece : piece.replace(/▁/g, " "));

function pieceElement(tag, piece) {
  return element(tag, isSign(piece) ? "sign" : "", asText(piece));
}

function buildHead() {
  const { places } = data;
  const whole = places.reduce((sum, place) => sum + bitsOf(place), 0);
  byId("text").textContent = data.text;
  document.body.classList.toggle("long", places.length > 80);
  byId("total").textContent = say("total", {
    bits: decimal(whole, 1), a_piece: decimal(whole / places.length, 2), a_character: decimal(whole / data.characters, 2),
    perplexity: decimal(2 ** (whole / places.length), 1),
  });
  byId("before").textContent = say("before", { opening: data.opening });
}

function buildTinted() {
  data.places.forEach((place, t) => {
    const button = byId("tinted").appendChild(pieceElement("button", place.piece));
    button.type = "button";
    button.title = say("chip", { piece: place.piece, bits: decimal(bitsOf(place), 1) });
    button.addEventListener("click", () => goTo(t));
    buttons.push(button);
    if (place.piece.includes("↵")) byId("tinted").append(element("br"));
  });
  whenSeen(byId("tinted"), () => buttons.forEach((button, t) => {
    const colour = colourOf(surpriseScale, Math.min(MOST_BITS, bitsOf(data.places[t])));
    button.style.backgroundColor = css(colour);
    button.style.color = textOn(colour);
  }));
}

function bar(classes, piece, share) {
  const item = element("li", classes);
  const name = element("span", "piece");
  name.append(pieceElement("span", piece));
  const track = element("span", "track");
  track.appendChild(element("i")).style.width = 100 * between(0, share || 0, 1) + "%";
  item.append(name, track, element("span", "amount", percent(share)));
  return item;
}

function drawPlace() {
  const place = data.places[current];
  buttons.forEach((button, t) => button.setAttribute("aria-pressed", t === current));
  byId("slider").value = current + 1;
  byId("slider").setAttribute("aria-valuetext", place.piece);
  byId("previous").disabled = current === 0;
  byId("next").disabled = current === data.places.length - 1;
  byId("place").textContent = say("place", {
    step: current + 1, steps: data.places.length, bits: decimal(bitsOf(place), 2), rank: place.rank + 1,
  });
  byId("read").replaceChildren(...data.places.map(({ piece }, t) => {
    const made = pieceElement("span", piece);
    made.classList.add(t < current ? "before" : t === current ? "now" : "later");
    return made;
  }));
  const rows = place.rank < place.best.length ? place.best : [...place.best, [place.piece, place.probability]];
  const own = place.rank < place.best.length ? place.rank : place.best.length;
  const bars = rows.map(([piece, share], at) => bar(at === own ? "chosen" : "", piece, share));
  bars[own].append(element("span", "unseen", texts.came));
  const rest = 1 - rows.reduce((sum, [, share]) => sum + share, 0);
  if (rest > 1e-4) bars.push(bar("others", texts.others, rest));
  byId("best").replaceChildren(...bars);
}

function goTo(t) {
  current = between(0, t, data.places.length - 1);
  drawPlace();
}

function buildStepper() {
  byId("slider").max = data.places.length;
  byId("slider").addEventListener("input", () => goTo(byId("slider").value - 1));
  byId("previous").addEventListener("click", () => goTo(current - 1));
  byId("next").addEventListener("click", () => goTo(current + 1));
  document.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, select, canvas")) return;
    event.preventDefault();
    goTo(current + move);
  });
}

buildHead();
buildTinted();
buildStepper();
drawPlace();
if (data.states.length) {
  // What the state was when each piece was foretold: after the opening, and after every piece but the last.
  const read = [data.opening, ...data.places.slice(0, -1).map(({ piece }) => piece)];
  drawHiddenStates(byId("states-map"), data.states, read);
} else {
  byId("states").hidden = true;
}
