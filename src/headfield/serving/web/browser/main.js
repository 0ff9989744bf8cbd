// SPDX-License-Identifier: BSD-3-Clause
// The connection, the frames, and what is said of them.

const $ = (id) => document.getElementById(id);
const OLD_MS = 2000;  // without a new pose: then the coil may have moved on
const MARGIN_MM = 20;

const page = { socket: null, frame: null, at: 0, times: [], missed: 0, values: null, points: null, seen: false };
let drawing, mover, scale, asked = false;

function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    if (!drawing) return;
    drawing.draw();
    placeSides();
    if (page.seen) {  // drawn: the next frame may come
      page.seen = false;
      tell({ kind: "seen", number: page.frame ? page.frame.number : 0 });
    }
  });
}

function tell(message) {
  if (!page.socket || page.socket.readyState !== WebSocket.OPEN) return false;
  page.socket.send(JSON.stringify(message));
  return true;
}

function unpacked(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const kinds = { f4: Float32Array, u4: Uint32Array }, arrays = {};
  let at = 4 + size;
  for (const [name, kind, shape] of header.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = new kinds[kind](buffer, at, count);
    at += arrays[name].byteLength;
  }
  return [header, arrays];
}

function connect() {
  const socket = (page.socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/frames`));
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return refused(JSON.parse(data));
    const [header, arrays] = unpacked(data);
    TAKE[header.kind]?.(header, arrays);
    redraw();
  };
  socket.onclose = () => {
    fail("no connection to the server: it ended, or refuses this page", "no connection");
    setTimeout(connect, 1000);
  };
}

const TAKE = {
  surface(header, arrays) {
    $("region").textContent = header.what;
    const { points, faces } = arrays;
    const normals = arrays.normals.length ? arrays.normals : withNormals(points, faces).normals;
    drawing.load("surface", { points, normals, faces }, true);
    const around = withNormals(arrays.scalp_points, arrays.scalp_faces);
    drawing.load("scalp", around);
    mover.scalp = around.points.length ? new Scalp(around.points, around.faces) : null;
    mover.follow.disabled = !mover.scalp;
    Object.assign(page, { points, values: null, frame: null, missed: 0 });
    const whole = around.points.length ? around.points : points;
    page.sides = box(whole);
    page.middle = middleOf(box(points));
    page.radius = Math.max(85, reach(points, page.middle));
    page.near = false;
    lookAtAll(whole);
    drawing.current = false;
    scale.fix(header.vmax);
    say("waiting", "waiting for a pose");
    problem("");
  },
  coil(header, arrays) {
    const lines = header.lines.filter((line) => line.length > 1);
    const handle = handleOf(lines);
    const casing = arrays.casing_points;
    const around = Array.from({ length: casing.length / 3 }, (_, i) => [...casing.subarray(3 * i, 3 * i + 3)]);
    page.outline = [...lines, ...handle].flat().concat(around);
    drawing.load("lines", joined([...lines, ...handle].map((line) => tube(line, 1.3))));
    drawing.load("plates", joined(lines.filter(isClosed).map(plate)));
    drawing.load("casing", withNormals(arrays.casing_points, arrays.casing_faces));
  },
  frame(header, { values }) {
    if (page.frame) page.missed += Math.max(0, header.number - page.frame.number - 1);
    Object.assign(page, { frame: header, at: performance.now() - header.age_ms, seen: true });
    page.times.push(performance.now());
    drawing.pose = header.pose;
    if (!header.problem) mover.told(header.pose);
    if (header.problem) fail(header.problem, "no field");
    else {
      page.values = values;
      drawing.setValues(values);
      drawing.current = true;
      scale.follow(header.top);
      problem("");
      say("live", "live");
    }
    $("bar").classList.toggle("unknown", !drawing.current);
    if (!page.near && header.pose && !header.problem) lookAtRegion();
    figures();
  },
  ended() {
    page.seen = true;
    fail("the server computes no more fields", "ended");
  },
};

// Along −y of the coil, as far as its wings reach and a bit more.
function handleOf(lines) {
  const ends = lines.flat().map((p) => -p[1]);
  const reach = 1.6 * Math.max(10, ...(ends.length ? [Math.max(...ends)] : [40]));
  return [[[0, 0, 0], [0, -reach, 0]]];
}

function fail(text, state) {
  drawing.current = false;
  page.values = null;
  $("bar").classList.add("unknown");
  problem(text);
  say("failed", state);
  figures();
  redraw();
}

function refused(message) {
  fail(`the server did not take what this page sent: ${message.problem}`, "refused");
}

function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text && `No field: ${text}. The gray surface shows none.`.replace("..", ".");
}

function say(kind, text) {
  $("state").className = kind;
  $("state").textContent = text;
}

const digits = (x, n = 3) => (x === undefined || x === null ? "–" : Number(x.toPrecision(n)).toString());

function figures() {
  const now = performance.now(), frame = page.frame || {};
  page.times = page.times.filter((t) => now - t < 2000);
  const good = drawing.current, age = (now - page.at) / 1000;
  const rates = (frame.didt || []).map((x) => digits(x * 1e-6)).join(", ");
  const rows = [
    ["largest |E|", good ? `${digits(frame.max)} V/m` : "–"],
    ["mean |E|", good ? `${digits(frame.mean)} V/m` : "–"],
    ["error against a solve", good ? (frame.error === null ? "not estimated" : `${digits(100 * frame.error, 2)} %`) : "–"],
    ...(good && frame.residual !== null ? [["residual", frame.residual.toExponential(1)]] : []),
    ["dI/dt", rates ? `${rates} A/µs` : "–"],
    ["pose to field", frame.ms === undefined ? "–" : `${digits(frame.ms)} ms`],
    ["frames", page.frame ? `${(page.times.length / 2).toFixed(1)} per s` : "–"],
    ["number", frame.number ?? "–"],
    ["age", page.frame ? `${age < 10 ? age.toFixed(1) : Math.round(age)} s` : "–"],
    ["poses", frame.received ? `${frame.received}, ${frame.replaced} overtaken` : "–"],
    ["failed", frame.failed ?? "–"],
    ["not shown here", page.missed],
  ];
  const cells = rows.flatMap(([name, value]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name;
    dd.textContent = value;
    return [dt, dd];
  });
  $("figures").replaceChildren(...cells);
  const old = good && now - page.at > OLD_MS && frame.source !== "page" && frame.source !== "start";
  if (good) say(old ? "old" : "live", old ? `no new pose for ${Math.round(age)} s` : "live");
  const notes = (good && frame.notes) || [];
  $("notes").hidden = !notes.length;
  $("notes").textContent = notes.join("; ");
}

function box(points) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  points.forEach((x, i) => {
    low[i % 3] = Math.min(low[i % 3], x);
    high[i % 3] = Math.max(high[i % 3], x);
  });
  return { low, high };
}

const middleOf = ({ low, high }) => scaled(add(low, high), 0.5);

// The farthest of some points from a place.
function reach(points, from) {
  let most = 0;
  for (let i = 0; i < points.length; i += 3)
    most = Math.max(most, Math.hypot(points[i] - from[0], points[i + 1] - from[1], points[i + 2] - from[2]));
  return most;
}

// Before a coil is there: all of the head with its letters, from the side that the region is on.
function lookAtAll(points) {
  const middle = middleOf(page.sides), out = add(page.middle, middle, -1);
  drawing.camera.target = middle;
  drawing.camera.distance = (reach(points, middle) + MARGIN_MM) / Math.sin(LENS / 2);
  const back = length(out) > MARGIN_MM ? unit(out) : LOOKS.L[0];
  drawing.look(back, upFor(back));
}

// When the first field comes: the region, from the coil, and all of that.
function lookAtRegion() {
  page.near = true;
  drawing.camera.target = page.middle;
  drawing.camera.distance = page.radius / Math.tan(LENS / 2);
  lookFrom("coil");
  stepBack();
}

const upFor = (back) => (Math.abs(back[2]) < 0.9 ? [0, 0, 1] : [0, 1, 0]);
const LOOKS = { L: [[-1, 0, 0], [0, 0, 1]], R: [[1, 0, 0], [0, 0, 1]], S: [[0, 0, 1], [0, 1, 0]] };

function lookFrom(name) {
  let [back, up] = LOOKS[name] || LOOKS.S;
  if (name === "coil" && drawing.pose) {
    back = scaled(axesOf(drawing.pose)[2], -1);
    up = upFor(back);
  }
  drawing.look(back, up);
  redraw();
}

// Go as far from the head as it takes to see all of the coil.
function stepBack() {
  const { target, back } = drawing.camera, [x, y, z, o] = axesOf(drawing.pose);
  for (const p of page.outline || []) {
    const away = add(add(add(add(o, x, p[0]), y, p[1]), z, p[2]), target, -1), near = dot(away, back);
    const aside = Math.sqrt(Math.max(0, dot(away, away) - near * near));
    drawing.camera.distance = Math.max(drawing.camera.distance, near + (1.08 * aside) / Math.tan(LENS / 2));
  }
}

function placeSides() {
  if (!page.sides) return;
  const { low, high } = page.sides, middle = middleOf(page.sides);
  const at = [["L", 0, low, -1], ["R", 0, high, 1], ["P", 1, low, -1], ["A", 1, high, 1], ["I", 2, low, -1], ["S", 2, high, 1]];
  const marks = drawing.onPage(at.map(([, axis, end, sign]) => middle.map((x, d) => (d === axis ? end[d] + 12 * sign : x))));
  const spans = at.map(([letter], i) => {
    const span = document.createElement("span");
    span.textContent = letter;
    span.hidden = Math.abs(drawing.camera.back[at[i][1]]) > 0.55;  // before or behind the head
    Object.assign(span.style, { left: `${marks[i][0]}px`, top: `${marks[i][1]}px` });
    return span;
  });
  $("sides").replaceChildren(...spans);
}

// |E| at the point of the surface that is next to the pointer, of several the one in front.
function point(x, y) {
  const { points, values } = page;
  if (!points || !values || !drawing.current) return null;
  const { eye, lens } = drawing.matrices(), m = product(lens, eye);
  const width = drawing.canvas.clientWidth / 2, height = drawing.canvas.clientHeight / 2;
  let found = -1, front = Infinity;
  for (let i = 0; i < values.length; i++) {
    const [a, b, c] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
    const w = m[3] * a + m[7] * b + m[11] * c + m[15];
    const dx = ((m[0] * a + m[4] * b + m[8] * c + m[12]) / w + 1) * width - x;
    const dy = (1 - (m[1] * a + m[5] * b + m[9] * c + m[13]) / w) * height - y;
    const depth = w + 0.5 * Math.hypot(dx, dy);
    if (dx * dx + dy * dy < 100 && depth < front) [found, front] = [i, depth];
  }
  return found < 0 ? null : found;
}

function showTip(event) {
  const at = drawing.canvas.getBoundingClientRect(), [x, y] = [event.clientX - at.left, event.clientY - at.top];
  const i = event.buttons ? null : point(x, y);
  $("tip").hidden = i === null;
  if (i === null) return;
  const where = [0, 1, 2].map((d) => Math.round(page.points[3 * i + d])).join(", ").replaceAll("-", "−");
  $("tip").textContent = `${page.values[i] < 0 ? "unknown" : `${digits(page.values[i])} V/m`} at (${where}) mm`;
  Object.assign($("tip").style, { left: `${x}px`, top: `${y}px` });
}

function listen() {
  const canvas = drawing.canvas;
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointermove", (event) => {
    showTip(event);
    if (!event.buttons) return;
    const [dx, dy] = [event.movementX, event.movementY], per = drawing.camera.distance / canvas.clientHeight;
    if (event.shiftKey || event.buttons & 6) drawing.camera.pan = [drawing.camera.pan[0] + 0.62 * dx * per, drawing.camera.pan[1] - 0.62 * dy * per];
    else drawing.turn(dx * 0.008, dy * 0.008);
    redraw();
  });
  canvas.addEventListener("pointerleave", () => ($("tip").hidden = true));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const closer = drawing.camera.distance * Math.exp(event.deltaY * 0.001);
    drawing.camera.distance = Math.min(Math.max(closer, 60), 2000);
    redraw();
  }, { passive: false });
  canvas.addEventListener("webglcontextlost", () => location.reload());
  document.addEventListener("keydown", (event) => {
    const { type } = event.target, arrow = event.key.startsWith("Arrow");
    if (event.ctrlKey || event.metaKey || event.altKey || type === "number" || (type === "range" && arrow)) return;
    if (mover.key(event)) event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-look]"))
    button.addEventListener("click", () => lookFrom(button.dataset.look));
  new ResizeObserver(redraw).observe(canvas);
  setInterval(figures, 250);
}

try {
  drawing = new Drawing($("view"), COLOURS);
  mover = new Mover((pose) => tell({ kind: "pose", pose }));
  scale = new Scale(drawing, redraw);
  listen();
  figures();
  connect();
} catch (error) {
  say("failed", "can't draw");
  problem(error.message);
}
