// SPDX-License-Identifier: BSD-3-Clause
// Triangles made of what the server sends: tubes along lines, plates in closed lines, normals of a surface.

const SIDES = 8;

function withNormals(points, faces) {
  const normals = new Float32Array(points.length);
  const at = (i) => [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [at(faces[f]), at(faces[f + 1]), at(faces[f + 2])];
    const n = cross(add(b, a, -1), add(c, a, -1));
    for (let k = 0; k < 3; k++) for (let d = 0; d < 3; d++) normals[3 * faces[f + k] + d] += n[d];
  }
  for (let i = 0; i < normals.length; i += 3) {
    const n = unit([normals[i], normals[i + 1], normals[i + 2]]);
    normals.set(n, i);
  }
  return { points: Float32Array.from(points), normals, faces: Uint32Array.from(faces) };
}

function tube(line, radius) {
  const points = [], normals = [], faces = [];
  line.forEach((p, i) => {
    const along = unit(add(line[Math.min(i + 1, line.length - 1)], line[Math.max(i - 1, 0)], -1));
    const aside = unit(cross(along, Math.abs(along[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0]));
    const over = cross(along, aside);
    for (let k = 0; k < SIDES; k++) {
      const angle = (2 * Math.PI * k) / SIDES;
      const n = add(scaled(aside, Math.cos(angle)), over, Math.sin(angle));
      points.push(...add(p, n, radius));
      normals.push(...n);
      if (i === 0) continue;
      const here = i * SIDES + k, next = i * SIDES + ((k + 1) % SIDES);
      faces.push(here - SIDES, next - SIDES, next, here - SIDES, next, here);
    }
  });
  return { points, normals, faces };
}

// A closed line, filled by triangles around its middle.
function plate(line) {
  const rim = line.slice(0, -1);
  const middle = scaled(rim.reduce((sum, p) => add(sum, p), [0, 0, 0]), 1 / rim.length);
  const points = [...rim.flat(), ...middle];
  const faces = rim.flatMap((_, i) => [i, (i + 1) % rim.length, rim.length]);
  return { points, normals: rim.concat([middle]).flatMap(() => [0, 0, -1]), faces };
}

function joined(parts) {
  const out = { points: [], normals: [], faces: [] };
  for (const part of parts) {
    const first = out.points.length / 3;
    for (const x of part.points) out.points.push(x);
    for (const x of part.normals) out.normals.push(x);
    for (const i of part.faces) out.faces.push(i + first);
  }
  return { points: new Float32Array(out.points), normals: new Float32Array(out.normals),
    faces: new Uint32Array(out.faces) };
}

const isClosed = (line) => length(add(line[0], line[line.length - 1], -1)) < 1e-6;
