// The arithmetic of an analogy: a − b + c with vectors of length 1, and the words whose cosine with it is largest.

const ANSWERS = 10;
const terms = { a: null, b: null, c: null };
const finders = {};

function buildAnalogy() {
  data.analogies.forEach((words) => {
    const chip = element("li").appendChild(element("button", "chip", `${words[0]} − ${words[1]} + ${words[2]}`));
    chip.type = "button";
    chip.addEventListener("click", () => chooseTerms(words));
    byId("analogy-chips").append(chip.parentElement);
  });
  const signs = { a: "", b: "−", c: "+" };
  for (const name of Object.keys(terms)) {
    if (signs[name]) byId("analogy-inputs").append(element("span", "", signs[name]));
    const holder = byId("analogy-inputs").appendChild(element("div", "finder"));
    finders[name] = wordFinder(holder, texts.word, (place) => { terms[name] = place; showAnalogy(); });
  }
  byId("analogy-inputs").append(element("span", "", "≈"), Object.assign(element("b"), { id: "analogy-answer" }));
  redraws.add(() => showAnalogy());
  if (data.analogies.length) chooseTerms(data.analogies[0]);
}

function chooseTerms(words) {
  Object.keys(terms).forEach((name, i) => {
    terms[name] = wordPlaces.get(words[i]) ?? null;
    finders[name].set(words[i]);
  });
  showAnalogy();
}

function showAnalogy() {
  const places = Object.values(terms);
  const problem = byId("analogy-problem"), lacking = places.find((place) => place !== null && !hasVector(place));
  problem.hidden = lacking === undefined;
  if (lacking !== undefined) problem.textContent = say("no_vector", { word: data.words[lacking], count: whole.format(units.shape[0]) });
  if (places.includes(null) || lacking !== undefined) return;
  const [a, b, c] = places.map(unitOf);
  const sum = Float32Array.from(a, (value, i) => value - b[i] + c[i]);
  const answers = nearestTo(sum, new Set(places));
  const strips = [[data.words[places[0]], a], ["− " + data.words[places[1]], b.map((value) => -value)], ["+ " + data.words[places[2]], c], null, ["=", sum]];
  if (answers.length) strips.push(["≈ " + data.words[answers[0].place], unitOf(answers[0].place), true]);
  const largest = largestOf(strips.filter(Boolean).flatMap(([, values]) => [...values]));
  byId("analogy-strips").replaceChildren(...strips.flatMap((each) => (each
    ? [element("span", each[2] ? "result" : "", each[0]), vectorStrip(each[1], largest)] : [element("div", "rule")])));
  byId("analogy-bars").replaceChildren(...answers.map(({ place, cosine }, rank) => {
    const line = wordBar(place, cosine, (other) => { chooseWord(other, true); byId("space").scrollIntoView(); });
    line.classList.toggle("best", rank === 0);
    return line;
  }));
  byId("analogy-answer").textContent = answers.length ? data.words[answers[0].place] : "";
}

// The words but those of the question, by their cosine with a vector.
function nearestTo(vector, without) {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  const found = [];
  for (let place = 0; place < units.shape[0]; place++) {
    if (without.has(place)) continue;
    const cosine = dot(vector, unitOf(place)) / length;
    if (found.length === ANSWERS && cosine <= found[ANSWERS - 1].cosine) continue;
    found.push({ place, cosine });
    found.sort((one, other) => other.cosine - one.cosine);
    found.length = Math.min(found.length, ANSWERS);
  }
  return found;
}
