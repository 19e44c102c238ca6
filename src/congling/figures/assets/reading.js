// The page of a text is put together: head, words, bars, table, and what the other files draw.

const answer = data.answer;
const last = data.words.length;
const moves = data.words.map((_, word) => data.probabilities[word + 1][answer] - data.probabilities[word][answer]);
const largestMove = Math.max(0.05, ...moves.map(Math.abs));
const moveScale = { table: "diverging", share: (move) => (move / largestMove + 1) / 2 };
let place = last;
let moveCursor = () => {};

function signedPercent(move) {
  return (move > 0 ? "+" : move < 0 ? "−" : "") + percent(Math.abs(move));
}

function buildHead() {
  byId("certainty").textContent = percent(data.probabilities[last][answer]);
  if (data.truth !== null) {
    byId("truth").textContent = say(data.truth === answer ? "is_right" : "is_wrong", { truth: data.classes[data.truth] });
    byId("truth").classList.toggle("wrong", data.truth !== answer);
  }
  byId("left-out").textContent = data.left_out ? say("left_out", { count: data.left_out }) : "";
  document.body.classList.toggle("long", document.querySelector(".sentence").textContent.length > 140);
}

// The text, tinted --------------------------------------------------------------------------------------------------

function buildRead() {
  let before = "";
  data.words.forEach((word, number) => {
    // Between two words of letters stands a space; Chinese has none.
    if (before && /[\p{L}\p{N}.,;:!?]$/u.test(before) && breadth(before.at(-1)) === 1 && breadth(word[0] || "") === 1 && /^[\p{L}\p{N}]/u.test(word)) {
      byId("read").append(" ");
    }
    const button = byId("read").appendChild(element("button", "", word));
    button.type = "button";
    button.addEventListener("click", () => choose(number + 1));
    button.addEventListener("pointermove", (event) => showTooltip(moveText(number), event.clientX, event.clientY));
    button.addEventListener("pointerleave", hideTooltip);
    before = word;
  });
  const tint = () => byId("read").querySelectorAll("button").forEach((button, number) => {
    const colour = colourOf(moveScale, moves[number]);
    button.style.setProperty("--tint", css(colour));
    button.style.setProperty("--on", textOn(colour));
  });
  tint();
  redraws.add(tint);
}

function moveText(number) {
  const [before, after] = [data.probabilities[number][answer], data.probabilities[number + 1][answer]];
  return say("moved", { word: data.words[number], before: percent(before), after: percent(after), name: data.classes[answer] });
}

// Choosing a word ---------------------------------------------------------------------------------------------------

function choose(chosen) {
  place = between(0, chosen, last);
  byId("slider").value = place;
  byId("previous").disabled = place === 0;
  byId("next").disabled = place === last;
  byId("read").querySelectorAll("button").forEach((button, number) => {
    button.setAttribute("aria-pressed", number === place - 1);
    button.classList.toggle("later", number >= place);
  });
  const where = place ? say("after_word", { word: data.words[place - 1] }) : texts.nothing_yet;
  byId("word-number").textContent = `${say("word_number", { number: place, count: last })} · ${where}`;
  moveCursor(place);
  drawBars();
}

function buildStepper() {
  byId("slider").max = last;
  byId("slider").addEventListener("input", () => choose(Number(byId("slider").value)));
  byId("previous").addEventListener("click", () => choose(place - 1));
  byId("next").addEventListener("click", () => choose(place + 1));
}

const MOST_BARS = 10;
function buildBars() {
  ranked.slice(0, MOST_BARS).forEach((number) => {
    const line = byId("bars").appendChild(element("li"));
    line.dataset.number = number;
    const track = element("span", "track");
    track.append(element("i"));
    line.append(element("span", "piece", data.classes[number]), track, element("span", "amount"));
  });
}

function drawBars() {
  const shares = data.probabilities[place];
  byId("bars").querySelectorAll("li").forEach((line) => {
    const share = shares[Number(line.dataset.number)];
    line.querySelector("i").style.width = share * 100 + "%";
    line.querySelector(".amount").textContent = percent(share);
    line.classList.toggle("chosen", shares.every((other) => other <= share));
  });
}

// The strongest words -------------------------------------------------------------------------------------------------

function buildTable() {
  data.strongest.forEach((number) => {
    const row = byId("word-rows").appendChild(element("tr"));
    const move = element("span", "move", signedPercent(moves[number]));
    const tint = () => {
      const colour = colourOf(moveScale, moves[number]);
      move.style.background = css(colour);
      move.style.color = textOn(colour);
    };
    tint();
    redraws.add(tint);
    const cell = element("td");
    cell.append(move);
    row.append(element("td", "", number + 1), element("td", "", data.words[number]),
      element("td", "", percent(data.probabilities[number][answer])),
      element("td", "", percent(data.probabilities[number + 1][answer])), cell);
  });
}

// What the answer is made of ------------------------------------------------------------------------------------------

function buildShares() {
  const select = byId("class");
  ranked.forEach((number) => select.append(new Option(data.classes[number], number)));
  const draw = () => {
    const number = Number(select.value);
    drawShares(byId("shares-picture"), number);
    const sum = data.shares[number].reduce((total, share) => total + share, 0), bias = data.bias[number];
    byId("sum-line").textContent = say("sum_line", {
      pieces: decimal(sum, 3), sign: bias < 0 ? "−" : "+", bias: decimal(Math.abs(bias), 3), score: decimal(sum + bias, 3),
    });
  };
  select.addEventListener("change", draw);
  whenSeen(byId("shares-picture"), draw);
}

buildHead();
buildRead();
buildStepper();
buildBars();
whenSeen(byId("curve"), () => {
  byId("curve").replaceChildren();
  moveCursor = drawCurves(byId("curve"), choose);
  moveCursor(place);
});
choose(last);
buildTable();
drawHiddenStates(byId("states-map"), data.scans, data.pieces);
buildShares();
