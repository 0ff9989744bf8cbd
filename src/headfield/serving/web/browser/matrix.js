// SPDX-License-Identifier: BSD-3-Clause
// Vectors are arrays of 3; matrices 4x4 of rows are what the server sends, of columns what WebGL takes.

const add = (a, b, s = 1) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const scaled = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const length = (a) => Math.hypot(a[0], a[1], a[2]);
const unit = (a) => scaled(a, 1 / (length(a) || 1));

// Axes x, y, z and origin of a pose (rows), and back.
const axesOf = (pose) => [0, 1, 2, 3].map((j) => [pose[0][j], pose[1][j], pose[2][j]]);
const poseOf = ([x, y, z, o]) => [0, 1, 2].map((i) => [x[i], y[i], z[i], o[i]]).concat([[0, 0, 0, 1]]);
const columns = (rows) => new Float32Array(rows[0].flatMap((_, j) => rows.map((row) => row[j])));

// A vector turned about a unit axis by an angle, radians (Rodrigues).
function turned(v, axis, angle) {
  const c = Math.cos(angle), s = Math.sin(angle);
  return add(add(scaled(v, c), cross(axis, v), s), axis, dot(axis, v) * (1 - c));
}

function perspective(angle, aspect, near, far) {
  const f = 1 / Math.tan(angle / 2), d = near - far;
  return new Float32Array(
    [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / d, -1, 0, 0, (2 * far * near) / d, 0]);
}

// What turns the head into the space of the eye: right, up and back are the axes of the eye in the head.
function eyeMatrix({ right, up, back, target, distance, pan }) {
  const row = (axis, shift) => [...axis, shift - dot(axis, target)];
  return columns([row(right, pan[0]), row(up, pan[1]), row(back, -distance), [0, 0, 0, 1]]);
}

// m v of a matrix of columns, with w.
const times = (m, v) => [0, 1, 2, 3].map((i) => m[i] * v[0] + m[4 + i] * v[1] + m[8 + i] * v[2] + m[12 + i]);

function product(a, b) {
  const out = new Float32Array(16);
  for (let j = 0; j < 4; j++)
    for (let i = 0; i < 4; i++)
      for (let k = 0; k < 4; k++) out[4 * j + i] += a[4 * k + i] * b[4 * j + k];
  return out;
}
