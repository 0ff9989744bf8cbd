// SPDX-License-Identifier: BSD-3-Clause
// Slides a coil along the scalp, so that it stays as far from it and as much along it as it was.

const CONTACT_MM = 18;  // radius of the part of the scalp whose mean is taken
const STEP_MM = 4;

class Scalp {
  constructor(points, faces) {
    Object.assign(this, withNormals(points, faces));
  }

  // Mean place and outward normal of the scalp around a point.
  under(at) {
    const { points, normals } = this;
    let near = Infinity, radius = CONTACT_MM;
    for (let i = 0; i < points.length; i += 3)
      near = Math.min(near, Math.hypot(points[i] - at[0], points[i + 1] - at[1], points[i + 2] - at[2]));
    radius += near;
    const place = [0, 0, 0], normal = [0, 0, 0];
    let total = 0;
    for (let i = 0; i < points.length; i += 3) {
      const d = Math.hypot(points[i] - at[0], points[i + 1] - at[1], points[i + 2] - at[2]) / radius;
      if (d >= 1) continue;
      const weight = (1 - d * d) ** 2;
      total += weight;
      for (let k = 0; k < 3; k++) {
        place[k] += weight * points[i + k];
        normal[k] += weight * normals[i + k];
      }
    }
    return { place: scaled(place, 1 / total), normal: unit(normal) };
  }

  // Axes and origin on the scalp next to a point, y as much along a direction as there.
  frame(at, along) {
    const { place, normal } = this.under(at);
    const origin = add(at, normal, -dot(add(at, place, -1), normal));
    const z = scaled(normal, -1), y = unit(add(along, z, -dot(along, z)));
    return [cross(y, z), y, z, origin];
  }

  // A pose after a way along its x and y, mm, that follows the scalp.
  slide(pose, dx, dy) {
    if (!dx && !dy) return pose;
    const axes = axesOf(pose), steps = Math.max(1, Math.ceil(Math.hypot(dx, dy) / STEP_MM));
    let here = this.frame(axes[3], axes[1]);
    for (let i = 0; i < 4; i++) here = this.frame(here[3], axes[1]);  // until it lies on the scalp
    const into = (v) => here.slice(0, 3).map((axis) => dot(axis, v));
    const [x, y, z, off] = [into(axes[0]), into(axes[1]), into(axes[2]), into(add(axes[3], here[3], -1))];
    for (let i = 0; i < steps; i++)
      here = this.frame(add(add(here[3], here[0], dx / steps), here[1], dy / steps), here[1]);
    const out = (v) => add(add(scaled(here[0], v[0]), here[1], v[1]), here[2], v[2]);
    return poseOf([out(x), out(y), out(z), add(here[3], out(off))]);
  }
}
