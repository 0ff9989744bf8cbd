// SPDX-License-Identifier: BSD-3-Clause
// Sliders and keys that move the coil from where it started, and the end of the colours.

// name, label, unit, reach, the keys for less and more, and how much they do
const MOVES = [
  ["x", "across", "mm", 100, "ArrowLeft", "ArrowRight", 2],
  ["y", "along handle", "mm", 100, "ArrowDown", "ArrowUp", 2],
  ["lift", "away", "mm", 40, "-", "+", 1],
  ["turn", "turn", "°", 180, "q", "e", 5],
  ["nod", "tilt", "°", 45, "w", "s", 2],
  ["roll", "roll", "°", 45, "a", "d", 2],
];
const RADIAN = Math.PI / 180;

class Mover {
  // `send` takes the pose that is asked for; it returns false if there is nobody to take it.
  constructor(send) {
    this.send = send;
    this.base = null;
    this.scalp = null;
    this.sent = [];
    this.waits = false;
    this.inputs = {};
    for (const [name, label, unitOf, reach] of MOVES) {
      const row = document.createElement("label");
      row.className = "slider";
      const text = document.createElement("span"), shown = document.createElement("output");
      const input = document.createElement("input");
      text.textContent = label;
      Object.assign(input, { type: "range", min: name === "lift" ? -10 : -reach, max: reach, step: 0.5, value: 0 });
      input.id = `move-${name}`;
      input.addEventListener("input", () => this.changed());
      row.append(text, input, shown);
      document.getElementById("sliders").append(row);
      this.inputs[name] = { input, shown, unitOf };
    }
    this.follow = document.getElementById("follow");
    this.follow.addEventListener("change", () => this.changed());
    document.getElementById("back").addEventListener("click", () => { this.zero(); this.changed(); });
    this.show();
  }

  value(name) { return Number(this.inputs[name].input.value); }

  zero() {
    for (const { input } of Object.values(this.inputs)) input.value = 0;
    this.show();
  }

  show() {
    for (const { input, shown, unitOf } of Object.values(this.inputs)) {
      input.disabled = !this.base;
      shown.textContent = `${Number(input.value).toFixed(1).replace("-", "−")} ${unitOf}`;
    }
  }

  key(event) {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    for (const [move, , , , less, more, step] of MOVES) {
      const sign = name === more || (more === "+" && name === "=") ? 1 : name === less || (less === "-" && name === "_") ? -1 : 0;
      if (!sign || !this.base) continue;
      const { input } = this.inputs[move];
      input.value = Number(input.value) + sign * (event.shiftKey ? Math.max(0.5, step / 4) : step);
      this.changed();
      return true;
    }
    return false;
  }

  // The pose that the sliders ask for.
  pose() {
    const slid = this.follow.checked && this.scalp
      ? this.scalp.slide(this.base, this.value("x"), this.value("y"))
      : this.base;
    let [x, y, z, origin] = axesOf(slid);
    if (!this.follow.checked || !this.scalp) origin = add(add(origin, x, this.value("x")), y, this.value("y"));
    origin = add(origin, z, -this.value("lift"));
    const about = (axis, name) => {
      const angle = this.value(name) * RADIAN;
      if (angle) [x, y, z] = [x, y, z].map((v) => turned(v, axis, angle));
    };
    about(z, "turn");
    about(x, "nod");
    about(y, "roll");
    x = unit(x);
    y = unit(add(y, x, -dot(x, y)));
    return poseOf([x, y, cross(x, y), origin]);
  }

  // Ask for a new pose, at most once for each picture on the screen.
  changed() {
    this.show();
    if (this.waits || !this.base) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      const pose = this.pose();
      if (!this.send(pose)) return;
      this.sent.push(JSON.stringify(pose));
      if (this.sent.length > 200) this.sent.shift();
    });
  }

  // A frame says where the coil is: a pose that is not from here is a new start.
  told(pose) {
    if (!pose || this.sent.includes(JSON.stringify(pose))) return;
    this.base = pose;
    this.zero();
  }
}

// The end of the colours: at a round number, and not another one for each frame.
class Scale {
  constructor(drawing, changed) {
    Object.assign(this, { drawing, changed, newest: 0, end: 1 });
    this.auto = document.getElementById("auto");
    this.input = document.getElementById("top");
    this.auto.addEventListener("change", () => this.update(true));
    this.input.addEventListener("input", () => this.update());
    const stops = COLOURS.map((c, i) => `${c} ${(100 * i) / (COLOURS.length - 1)}%`);
    document.getElementById("ramp").style.background = `linear-gradient(to top, ${stops.join(", ")})`;
    this.show();
  }

  fix(vmax) {
    this.auto.checked = vmax === null;
    if (vmax !== null) this.input.value = this.end = vmax;
    this.update();
  }

  follow(top) {
    this.newest = top;
    this.update();
  }

  update(anew = false) {
    this.input.disabled = this.auto.checked;
    const typed = Number(this.input.value);
    if (!this.auto.checked) {
      if (typed > 0 && Number.isFinite(typed)) this.end = typed;
    } else if (this.newest > 0 && (anew || this.newest > this.end || this.newest < 0.55 * this.end)) {
      const ten = 10 ** Math.floor(Math.log10(this.newest));
      this.end = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((s) => s * ten).find((s) => s >= this.newest * 0.9999);
    }
    if (this.auto.checked) this.input.value = Number(this.end.toPrecision(6));
    this.show();
  }

  show() {
    this.drawing.top = this.end;
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
      const tick = document.createElement("li");
      tick.textContent = (share === 1 ? "≥ " : "") + Number((share * this.end).toPrecision(4));
      tick.style.bottom = `${100 * share}%`;
      return tick;
    });
    document.getElementById("ticks").replaceChildren(...ticks);
    this.changed();
  }
}
