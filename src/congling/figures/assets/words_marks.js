// What a map of words needs for its dots and labels: shades of frequency, room for labels, and the frame of a cloud.

// From a rare word's colour to a frequent one's; the palest of the scale cannot be seen as dots.
const shadeColour = (share) => colourTable("sequential")[Math.round(105 + share * 150)];

// The rarest words' shade first; the most frequent ones, of which there are fewest, are the last and lie on top.
function shadeRange(shade, length) {
  const edge = (level) => Math.round(length * (2 ** (SHADES - level) - 1) / (2 ** SHADES - 1));
  return [edge(shade + 1), edge(shade)];
}

function isFree(taken, columns, rows, [left, top, right, bottom]) {
  for (let row = Math.max(0, top); row <= Math.min(rows - 1, bottom); row++)
    for (let column = Math.max(0, left); column <= Math.min(columns - 1, right); column++) if (taken[row * columns + column]) return false;
  return true;
}

function occupy(taken, columns, rows, [left, top, right, bottom]) {
  for (let row = Math.max(0, top); row <= Math.min(rows - 1, bottom); row++)
    taken.fill(1, row * columns + Math.max(0, left), row * columns + Math.min(columns - 1, right) + 1);
}

// The middle of the words and the radius that holds nearly all of them: a few far ones must not make the rest a dot.
function frameOf(places) {
  const length = places.length / 3;
  const middle = [0, 1, 2].map((axis) => {
    const along = Float32Array.from({ length }, (_, i) => places[3 * i + axis]).sort();
    return (along[Math.floor(length * 0.02)] + along[Math.floor(length * 0.98)]) / 2 || 0;
  });
  const far = Float32Array.from({ length }, (_, i) => Math.max(...middle.map((each, axis) => Math.abs(places[3 * i + axis] - each)))).sort();
  return { middle, radius: far[Math.floor((length - 1) * 0.985)] || 1 };
}
