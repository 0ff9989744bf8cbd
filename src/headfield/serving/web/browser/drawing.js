// SPDX-License-Identifier: BSD-3-Clause
// The picture: surface, coil and scalp, by WebGL 2.

const VERTEX = `#version 300 es
uniform mat4 eye, lens, place;
uniform float dot_mm, pixels;
in vec3 position, normal;
in float value;
out vec3 at, n;
out float v, unknown;
void main() {
  vec4 seen = eye * place * vec4(position, 1.0);
  at = seen.xyz;
  n = mat3(eye) * mat3(place) * normal;
  v = value;
  unknown = value < 0.0 ? 1.0 : 0.0;
  gl_Position = lens * seen;
  gl_PointSize = clamp(dot_mm * pixels / -seen.z, 2.0, 40.0);
}`;
// mode 0: by value; 1: plain; 2: plain, seen through where it faces the eye; 3: plain and flat.
const FRAGMENT = `#version 300 es
precision highp float;
uniform int mode;
uniform float top, alpha;
uniform vec3 plain;
uniform sampler2D ramp;
in vec3 at, n;
in float v, unknown;
out vec4 colour;
void main() {
  vec3 facing = length(n) > 0.0 ? normalize(n) : vec3(0.0, 0.0, 1.0);
  if (dot(facing, at) > 0.0) facing = -facing;
  vec3 base = plain;
  if (mode == 0 && unknown == 0.0) base = texture(ramp, vec2(clamp(v / top, 0.0, 1.0) * 255.0 / 256.0 + 0.5 / 256.0, 0.5)).rgb;
  float light = mode == 3 ? 1.0 : 0.7 + 0.3 * max(dot(facing, normalize(vec3(0.25, 0.45, 1.0))), 0.0);
  float through = mode == 2 ? alpha * pow(1.0 - abs(dot(facing, normalize(at))), 2.0) + 0.05 : alpha;
  colour = vec4(base * light * through, through);
}`;
const UNKNOWN = [0.74, 0.74, 0.74];
const COIL = [0.2, 0.24, 0.3], COIL_FAILED = [0.7, 0.15, 0.12], SCALP = [0.72, 0.62, 0.54];
const LENS = 0.6;
const BAR_PX = 84;  // of the colour bar, at the right

class Drawing {
  constructor(canvas, colours) {
    this.canvas = canvas;
    const gl = (this.gl = canvas.getContext("webgl2", { antialias: true, alpha: false }));
    if (!gl) throw new Error("this browser has no WebGL 2, which draws the surface");
    this.program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(this.program, shader);
    }
    ["position", "normal", "value"].forEach((name, i) => gl.bindAttribLocation(this.program, i, name));
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(this.program));
    this.where = (name) => gl.getUniformLocation(this.program, name);
    this.camera = { right: [1, 0, 0], up: [0, 0, 1], back: [0, -1, 0], target: [0, 0, 0], distance: 400, pan: [0, 0] };
    this.pose = null;
    this.current = false;  // whether the values are those of the newest frame
    this.top = 1;
    this.parts = {};
    this.loadRamp(colours);
  }

  loadRamp(colours) {
    const gl = this.gl, texels = new Uint8Array(256 * 4);
    const rgb = colours.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));
    for (let i = 0; i < 256; i++) {
      const at = (i / 255) * (rgb.length - 1), low = Math.min(Math.floor(at), rgb.length - 2);
      for (let d = 0; d < 3; d++) texels[4 * i + d] = rgb[low][d] + (at - low) * (rgb[low + 1][d] - rgb[low][d]);
      texels[4 * i + 3] = 255;
    }
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.LINEAR);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  }

  // Put a surface, or loose points, onto the card under a name; an old one of that name is freed.
  load(name, shape, withValues = false) {
    const gl = this.gl, old = this.parts[name];
    if (old) { gl.deleteVertexArray(old.array); old.buffers.forEach((b) => gl.deleteBuffer(b)); }
    delete this.parts[name];
    if (!shape || !shape.points.length) return;
    const part = { array: gl.createVertexArray(), buffers: [], count: shape.points.length / 3 };
    gl.bindVertexArray(part.array);
    const buffer = (kind, data, use = gl.STATIC_DRAW) => {
      const one = gl.createBuffer();
      gl.bindBuffer(kind, one);
      gl.bufferData(kind, data, use);
      part.buffers.push(one);
      return one;
    };
    const attribute = (place, size, data, use) => {
      const one = buffer(gl.ARRAY_BUFFER, data, use);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
      return one;
    };
    attribute(0, 3, shape.points);
    if (shape.normals.length) attribute(1, 3, shape.normals);
    if (withValues) part.values = attribute(2, 1, new Float32Array(part.count).fill(-1), gl.DYNAMIC_DRAW);
    part.indices = shape.faces.length;
    if (part.indices) buffer(gl.ELEMENT_ARRAY_BUFFER, shape.faces);
    gl.bindVertexArray(null);
    this.parts[name] = part;
  }

  setValues(values) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.parts.surface.values);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, values);
  }

  // Look at the middle of the surface along a direction.
  look(back, up) {
    const aside = cross(up, back);
    const right = unit(length(aside) > 1e-3 ? aside : cross(Math.abs(back[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0], back));
    Object.assign(this.camera, { back: unit(back), right, up: cross(unit(back), right), pan: [0, 0] });
  }

  turn(dx, dy) {
    const { right, up } = this.camera;
    for (const name of ["right", "up", "back"])
      this.camera[name] = turned(turned(this.camera[name], up, -dx), right, -dy);
    // Rounding must not shear the view, however long it is turned.
    this.camera.back = unit(this.camera.back);
    this.camera.right = unit(cross(this.camera.up, this.camera.back));
    this.camera.up = cross(this.camera.back, this.camera.right);
  }

  // What is looked at is in the middle of the part of the picture that the colour bar leaves, and fits there.
  matrices() {
    const width = this.canvas.clientWidth || 1, height = this.canvas.clientHeight || 1;
    const free = Math.max(width - BAR_PX, 1), far = this.camera.distance + 1000;
    const angle = free < height ? 2 * Math.atan((Math.tan(LENS / 2) * height) / free) : LENS;
    const lens = perspective(angle, width / height, 5, far);
    lens[8] = 1 - free / width;
    return { eye: eyeMatrix(this.camera), lens, angle };
  }

  // Where points of the head lie on the page, in its pixels; with the depth.
  onPage(points) {
    const { eye, lens } = this.matrices(), both = product(lens, eye);
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    return points.map((p) => {
      const [x, y, , w] = times(both, p);
      return [((x / w + 1) / 2) * width, ((1 - y / w) / 2) * height, w];
    });
  }

  draw() {
    const gl = this.gl, sharp = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(this.canvas.clientWidth * sharp), height = Math.round(this.canvas.clientHeight * sharp);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clearColor(1, 1, 1, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    const { eye, lens, angle } = this.matrices();
    gl.uniformMatrix4fv(this.where("eye"), false, eye);
    gl.uniformMatrix4fv(this.where("lens"), false, lens);
    gl.uniform1f(this.where("pixels"), height / (2 * Math.tan(angle / 2)));
    gl.uniform1f(this.where("dot_mm"), 1.6);
    gl.uniform1f(this.where("top"), this.top || 1);
    const still = columns([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
    this.part("surface", still, this.current ? 0 : 1, UNKNOWN, 1);
    if (this.pose) {
      const place = columns(this.pose), look = this.current ? COIL : COIL_FAILED;
      this.part("lines", place, 1, look, 1);
      gl.depthMask(false);
      if (!this.parts.casing) this.part("plates", place, 3, look, 0.09);
      this.part("casing", place, 2, look, 0.3);
      gl.depthMask(true);
    }
    gl.depthMask(false);
    gl.enable(gl.CULL_FACE);
    this.part("scalp", still, 2, SCALP, 0.5);
    gl.disable(gl.CULL_FACE);
    gl.depthMask(true);
  }

  part(name, place, mode, plain, alpha) {
    const gl = this.gl, part = this.parts[name];
    if (!part) return;
    gl.uniformMatrix4fv(this.where("place"), false, place);
    gl.uniform1i(this.where("mode"), mode);
    gl.uniform3fv(this.where("plain"), plain);
    gl.uniform1f(this.where("alpha"), alpha);
    gl.bindVertexArray(part.array);
    if (part.indices) gl.drawElements(gl.TRIANGLES, part.indices, gl.UNSIGNED_INT, 0);
    else gl.drawArrays(gl.POINTS, 0, part.count);
    gl.bindVertexArray(null);
  }
}
