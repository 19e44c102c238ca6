// The latent space: layouts, the chosen word and its neighbours, and the space through training.

const neighbourIds = idsOf(data.neighbours);
const neighbourCosines = unpacked(data.neighbours.cosines).values;
const perWord = data.neighbours.shape[1];
const neighboursOf = (place) => Array.from(neighbourIds.subarray(place * perWord, (place + 1) * perWord));
const SHOWN_NEIGHBOURS = 12;
const LIT = 8;

const layout = { method: data.layouts[0].method, dimensions: 2 };
let chosenWord = null;
let steps = null; // the map through training

// (n, k) numbers as three a word.
function placesOf(block) {
  const { shape: [length, dimensions], values } = unpacked(block);
  if (dimensions === 3) return values;
  const places = new Float32Array(length * 3);
  for (let i = 0; i < length; i++) [places[3 * i], places[3 * i + 1]] = [values[2 * i], values[2 * i + 1]];
  return places;
}

const spaceMap = new WordMap(byId("map"), { choose: (place) => chooseWord(place), links: (place) => neighboursOf(place).slice(0, LIT) });

function showLayout() {
  const found = data.layouts.find((each) => each.method === layout.method);
  const inSpace = layout.dimensions === 3;
  spaceMap.show(placesOf(inSpace ? found.space : found.flat), inSpace);
  byId("layouts").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", button.dataset.method === layout.method));
  byId("dimensions").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", Number(button.dataset.dimensions) === layout.dimensions));
  const kept = (found.shares || []).slice(0, layout.dimensions).reduce((sum, share) => sum + share, 0);
  const shown = inSpace ? found.space.shape[0] : found.flat.shape[0];
  byId("layout-text").textContent = say("about_" + found.method, { share: percent(kept) }) + say(shown < count ? "fewer_words" : "all_words", { shown: whole.format(shown), count: whole.format(count) });
  if (chosenWord !== null) spaceMap.select(chosenWord, true);
}

function buildSpace() {
  for (const { method } of data.layouts) {
    const button = byId("layouts").appendChild(element("button", "", texts["name_" + method]));
    Object.assign(button, { type: "button", onclick: () => { layout.method = method; showLayout(); } });
    button.dataset.method = method;
  }
  byId("dimensions").querySelectorAll("button").forEach((button) => {
    button.addEventListener("click", () => { layout.dimensions = Number(button.dataset.dimensions); showLayout(); });
  });
  byId("zoom-in").addEventListener("click", () => spaceMap.zoomBy(1.5));
  byId("zoom-out").addEventListener("click", () => spaceMap.zoomBy(1 / 1.5));
  byId("zoom-all").addEventListener("click", () => spaceMap.reset());
  const finder = wordFinder(byId("finder"), texts.find_word, (place) => chooseWord(place, true));
  onWord.add((place) => finder.set(place === null ? "" : data.words[place]));
  const scale = byId("frequency-scale"), strip = element("i");
  const paint = () => { strip.style.background = `linear-gradient(90deg, ${[0, 0.5, 1].map((share) => css(shadeColour(share))).join(",")})`; };
  paint();
  redraws.add(paint);
  scale.append(texts.rare, strip, texts.frequent);
  showLayout();
}

// The chosen word -----------------------------------------------------------------------------------------------------

const onWord = new Set();

function chooseWord(place, centre, quietly) {
  chosenWord = place;
  spaceMap.select(place, centre);
  if (steps) steps.map.select(place);
  showChosen();
  onWord.forEach((tell) => tell(place));
  if (!quietly) writeAddress();
}

function showChosen() {
  const box = byId("chosen-word");
  if (chosenWord === null) return box.replaceChildren(element("p", "muted", texts.choose_word));
  const facts = say(data.counts ? "rank_and_count" : "rank", { rank: whole.format(data.ids[chosenWord]), count: data.counts ? whole.format(data.counts[chosenWord]) : "" });
  const list = element("ol");
  neighboursOf(chosenWord).slice(0, SHOWN_NEIGHBOURS).forEach((place, rank) => {
    list.append(wordBar(place, neighbourCosines[chosenWord * perWord + rank], (other) => chooseWord(other, true)));
  });
  box.replaceChildren(element("h3", "", data.words[chosenWord]), element("p", "number", facts), list);
}

// #word=… names what is chosen, so that a look at a word can be kept or sent.
function writeAddress() {
  const parts = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  chosenWord === null ? parts.delete("word") : parts.set("word", data.words[chosenWord]);
  history.replaceState(null, "", "#" + parts);
}

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (data.layouts.some((each) => each.method === parts.get("layout"))) layout.method = parts.get("layout");
  if (["2", "3"].includes(parts.get("dimensions"))) layout.dimensions = Number(parts.get("dimensions"));
  return wordPlaces.get(parts.get("word")) ?? null;
}

// Through training ----------------------------------------------------------------------------------------------------

const MILLISECONDS = 900; // from one step to the next while it plays

function buildCourse() {
  byId("course").hidden = byId("to-course").hidden = !data.course;
  if (!data.course) return;
  const { shape: [last, length], values } = unpacked(data.course.places);
  const at = (step) => values.subarray(step * length * 3, (step + 1) * length * 3);
  const slider = byId("step"), button = byId("play");
  let now = last - 1, animation = 0;
  slider.max = last - 1;
  const trail = (context, map, lit) => drawTrail(context, map, [...lit][0], now, at);
  const map = new WordMap(byId("course-map"), { choose: (place) => chooseWord(place), links: (place) => neighboursOf(place).slice(0, LIT), trail });
  const go = (step, share = 1) => { // share of the way there from the step before
    now = step;
    slider.value = step;
    const [from, to] = [at(Math.max(0, step - 1)), at(step)];
    map.show(share === 1 ? to : to.map((value, i) => from[i] + (value - from[i]) * share), true, true);
    byId("step-text").textContent = say("step_of", { step: whole.format(data.course.steps[step]), last: whole.format(data.course.steps[last - 1]) });
  };
  const stop = () => { cancelAnimationFrame(animation); animation = 0; button.textContent = "▶"; };
  const run = (began, step) => {
    animation = requestAnimationFrame((time) => {
      const share = Math.min(1, (time - began) / MILLISECONDS);
      go(step, share);
      if (share < 1) run(began, step);
      else if (step < last - 1) run(time, step + 1);
      else stop();
    });
  };
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
  button.addEventListener("click", () => {
    if (animation) { stop(); return go(now); }
    button.textContent = "❚❚";
    run(performance.now(), now === last - 1 ? 1 : now + 1);
  });
  map.show(at(last - 1), true);
  map.yaw = map.pitch = 0;
  steps = { map };
  go(last - 1);
}

// The way that the word has come.
function drawTrail(context, map, place, now, at) {
  const held = { places: map.places, points: [] };
  for (let step = 0; step < now; step++) {
    map.places = at(step);
    map.compute();
    held.points.push([map.x[place], map.y[place]]);
  }
  map.places = held.places;
  map.compute();
  held.points.push([map.x[place], map.y[place]]);
  context.beginPath();
  held.points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.lineWidth = 2;
  context.setLineDash([4, 3]);
  context.stroke();
  context.setLineDash([]);
}
