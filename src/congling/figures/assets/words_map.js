// A map of thousands of words on a canvas: the plane is moved, space is turned; labels stand where there is room.
//
// One frame: place every word, draw a dot each (a colour at a time), then the labels of the most frequent words that do
// not run into another label, and above all the chosen word with its neighbours.

const SHADES = 6; // of frequency
const LABEL_PIXELS = 13;
const CELL = 7; // px of the grid that keeps labels apart
const REACH = 14; // px around a word that mean it
const DEPTH = 3.2; // distance of the eye, in radii of the cloud

class WordMap {
  // choose(place) is told of a click, or null for one into the void; links(place) gives the words that are lit with it.
  constructor(canvas, { choose, links, trail }) {
    Object.assign(this, { canvas, choose, links, trail, chosen: null, hovered: null, widths: new Map(), timer: 0 });
    this.length = 0;
    this.moves();
    new ResizeObserver(() => this.draw()).observe(canvas);
    redraws.add(() => this.draw());
  }

  // places: numbers three a word (the third is zero in the plane), of the first words.
  show(places, inSpace, keepView) {
    this.places = places;
    this.length = places.length / 3;
    this.inSpace = inSpace;
    this.x = new Float32Array(this.length);
    this.y = new Float32Array(this.length);
    this.depth = new Float32Array(this.length);
    if (!keepView) {
      this.frame = frameOf(places);
      this.reset();
    }
    this.draw();
  }

  reset() {
    Object.assign(this, { zoom: 1, shiftX: 0, shiftY: 0, yaw: 0.5, pitch: -0.35 });
    this.draw();
  }

  select(place, centre) {
    this.chosen = place;
    if (centre && place !== null && place < this.length) this.bringNear(place);
    this.draw();
  }

  // Moves the view so far that the word can be seen, and close enough that its surroundings can.
  bringNear(place) {
    this.zoom = Math.max(this.zoom, this.inSpace ? 1.6 : 3);
    this.shiftX = this.shiftY = 0;
    this.compute();
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.shiftX = width / 2 - this.x[place];
    this.shiftY = height / 2 - this.y[place];
  }

  draw() {
    if (this.timer || !this.length) return;
    this.timer = requestAnimationFrame(() => {
      this.timer = 0;
      this.paint();
    });
  }

  zoomBy(factor, x, y) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const zoom = between(0.5, this.zoom * factor, 200);
    const grown = zoom / this.zoom, fromX = (x ?? width / 2) - width / 2, fromY = (y ?? height / 2) - height / 2;
    this.shiftX = fromX - (fromX - this.shiftX) * grown;
    this.shiftY = fromY - (fromY - this.shiftY) * grown;
    this.zoom = zoom;
    this.draw();
  }

  // Where every word stands on the canvas, in px; depth from −1 (far) to 1 (near), in the plane 1.
  compute() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const { middle, radius } = this.frame, { places, x, y, depth } = this;
    const scale = Math.min(width, height) / 2.15 * this.zoom / radius;
    const left = width / 2 + this.shiftX, top = height / 2 + this.shiftY;
    if (!this.inSpace) {
      for (let i = 0; i < this.length; i++) {
        x[i] = left + (places[3 * i] - middle[0]) * scale;
        y[i] = top - (places[3 * i + 1] - middle[1]) * scale;
      }
      depth.fill(1);
      return;
    }
    const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    for (let i = 0; i < this.length; i++) {
      const a = places[3 * i] - middle[0], b = places[3 * i + 1] - middle[1], c = places[3 * i + 2] - middle[2];
      const across = cy * a + sy * c, deep = cy * c - sy * a;
      const up = cp * b - sp * deep, near = (sp * b + cp * deep) / radius;
      const larger = DEPTH / Math.max(0.4, DEPTH - near);
      x[i] = left + across * scale * larger;
      y[i] = top - up * scale * larger;
      depth[i] = near;
    }
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const context = sized(this.canvas, width, height);
    this.compute();
    const lit = this.lit();
    this.paintDots(context, width, height, lit.size > 0);
    this.paintLinks(context, lit);
    this.paintLabels(context, width, height, lit);
  }

  // The words that are lit: the chosen or hovered one first, then its neighbours.
  lit() {
    const place = this.hovered ?? this.chosen;
    if (place === null || place >= this.length) return new Set();
    return new Set([place, ...this.links(place).filter((each) => each < this.length)]);
  }

  paintDots(context, width, height, dimmed) {
    const size = between(2, 1.7 + Math.log2(1 + this.zoom) * 0.7, 4.5);
    for (let shade = 0; shade < SHADES; shade++) {
      context.fillStyle = css(shadeColour(shade / (SHADES - 1)));
      const [first, last] = shadeRange(shade, this.length);
      for (const near of this.inSpace ? [false, true] : [true]) {
        context.globalAlpha = (near ? 0.9 : 0.4) * (dimmed ? 0.6 : 1);
        const side = size * (0.8 + shade * 0.16) * (near || !this.inSpace ? 1 : 0.8);
        for (let i = first; i < last; i++) {
          const x = this.x[i], y = this.y[i];
          if (x < 0 || y < 0 || x > width || y > height || this.depth[i] > 0 !== near) continue;
          context.fillRect(x - side / 2, y - side / 2, side, side);
        }
      }
    }
    context.globalAlpha = 1;
  }

  paintLinks(context, lit) {
    const [place, ...others] = lit;
    if (place === undefined) return;
    context.strokeStyle = context.fillStyle = variable("accent");
    context.lineWidth = 1;
    context.globalAlpha = 0.45;
    context.beginPath();
    for (const other of others) {
      context.moveTo(this.x[place], this.y[place]);
      context.lineTo(this.x[other], this.y[other]);
    }
    context.stroke();
    context.globalAlpha = 1;
    if (this.trail) this.trail(context, this, lit);
    for (const each of lit) {
      context.beginPath();
      context.arc(this.x[each], this.y[each], each === place ? 5 : 3.5, 0, 2 * Math.PI);
      context.fill();
    }
  }

  paintLabels(context, width, height, lit) {
    const columns = Math.ceil(width / CELL) + 1, rows = Math.ceil(height / CELL) + 1;
    const taken = new Uint8Array(columns * rows);
    const font = variable("sans");
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.strokeStyle = variable("surface");
    const [place, ...others] = lit;
    const write = (each, size, weight, colour, always) => {
      const room = this.widthOf(context, each, size, weight, font), x = this.x[each] + 6, y = this.y[each];
      const box = [Math.floor(x / CELL), Math.floor((y - size / 2 - 1) / CELL), Math.floor((x + room) / CELL), Math.floor((y + size / 2 + 1) / CELL)];
      if (x + room < 0 || x > width || y < 0 || y > height || (!isFree(taken, columns, rows, box) && !always)) return false;
      occupy(taken, columns, rows, box);
      context.font = `${weight} ${size}px ${font}`;
      context.lineWidth = 3;
      context.fillStyle = colour;
      context.strokeText(data.words[each], x, y);
      context.fillText(data.words[each], x, y);
      return true;
    };
    if (place !== undefined) write(place, LABEL_PIXELS + 3, 700, variable("accent"), true);
    others.forEach((each) => write(each, LABEL_PIXELS, 600, variable("accent"), false));
    let left = between(12, width * height / 3000, 240);
    const ink = variable(lit.size ? "muted" : "ink");
    for (let i = 0; i < this.length && left > 0; i++) {
      const inSight = this.x[i] > -20 && this.x[i] < width && this.y[i] > 0 && this.y[i] < height && this.depth[i] > 0;
      if (inSight && !lit.has(i) && write(i, LABEL_PIXELS, 400, ink, false)) left--;
    }
  }

  widthOf(context, place, size, weight, font) {
    const key = `${place} ${size} ${weight}`;
    let room = this.widths.get(key);
    if (room === undefined) {
      context.font = `${weight} ${size}px ${font}`;
      room = context.measureText(data.words[place]).width;
      this.widths.set(key, room);
    }
    return room;
  }

  // The word nearest to a point; null where none is near.
  at(x, y) {
    let best = null, least = REACH * REACH;
    for (let i = 0; i < this.length; i++) {
      const distance = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2 - (this.depth[i] > 0 ? 4 : 0);
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  // Pointer and keys -------------------------------------------------------------------------------------------------

  moves() {
    const { canvas } = this, fingers = new Map();
    let travelled = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      travelled = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId), now = [event.offsetX, event.offsetY];
      if (!before) return this.hover(this.at(...now), event);
      const others = [...fingers].filter(([finger]) => finger !== event.pointerId);
      fingers.set(event.pointerId, now);
      travelled += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      if (others.length) this.pinch(before, now, others[0][1]);
      else this.drag(now[0] - before[0], now[1] - before[1], event.shiftKey);
    });
    const lift = (event) => {
      if (fingers.delete(event.pointerId) && travelled < 5 && event.type === "pointerup") this.choose(this.at(event.offsetX, event.offsetY));
    };
    ["pointerup", "pointercancel"].forEach((name) => canvas.addEventListener(name, lift));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return; // a page that is scrolled past must not stop here
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => this.zoomBy(2, event.offsetX, event.offsetY));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    const factor = { "+": 1.3, "=": 1.3, "-": 1 / 1.3 }[event.key];
    if (steps) this.drag(...steps, event.shiftKey);
    else if (factor) this.zoomBy(factor);
    else if (event.key === "0" || event.key === "Home") this.reset();
    else if (event.key === "Escape") this.choose(null);
    else return;
    event.preventDefault();
  }

  hover(place, event) {
    if (place !== this.hovered) {
      this.hovered = place;
      this.draw();
    }
    if (place === null || !event) hideTooltip();
    else showTooltip(say("hovered", { word: data.words[place], rank: whole.format(data.ids[place]) }), event.clientX, event.clientY);
    this.canvas.style.cursor = place === null ? "" : "pointer";
  }

  drag(across, down, shift) {
    if (this.inSpace && !shift) {
      this.yaw += across / 180;
      this.pitch = between(-1.5, this.pitch + down / 180, 1.5);
    } else {
      this.shiftX += across;
      this.shiftY += down;
    }
    this.draw();
  }

  pinch(before, now, other) {
    const apart = (finger) => Math.max(1, Math.hypot(finger[0] - other[0], finger[1] - other[1]));
    this.zoomBy(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }
}
