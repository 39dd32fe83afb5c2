// What the page shows: a setting, its verdict, three pictures. Nothing is loaded, nothing is kept.

const START = { kind: "two", step: 0.1, spread: 6, mean: 1, purity: 1, window: 0, seed: 1 };
const RANGE = {
  step: [0.01, 0.5], spread: [0, 20], mean: [0, 3], purity: [1, 16], window: [0, 1],
  seed: [1, 999999],
};
const RUNS = 24;
const FLOOR = 1e-6; // of the amplitudes that are drawn
const BLOWN = 1e3;
const MARGIN = { left: 52, right: 12, top: 12, bottom: 46 }; // of every chart, in pixels
const byId = (id) => document.getElementById(id);
const clamp = (value, [low, high]) => Math.min(Math.max(value, low), high);
let setting = { ...START };

/** A number as people write it: three digits, no needless zeros. */
function text(value, digits = 3) {
  return String(Number(value.toPrecision(digits))).replace("-", "\u2212");
}

function percent(share) {
  const value = 100 * share;
  return `${value >= 9.95 ? value.toFixed(0) : value.toFixed(value < 0.095 ? 2 : 1)}%`;
}

// ---- The address keeps the setting: #step=0.1&spread=6 ----

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const read = { ...START };
  if (given.get("kind") === "seasons") read.kind = "seasons";
  for (const [name, range] of Object.entries(RANGE)) {
    const value = Number(given.get(name) ?? NaN);
    if (Number.isFinite(value)) read[name] = clamp(value, range);
  }
  for (const name of ["purity", "seed"]) read[name] = Math.round(read[name]);
  return read;
}

function writeAddress() {
  const pairs = Object.entries(setting).map(([name, value]) =>
    [name, typeof value === "number" ? Number(value.toPrecision(6)) : value]);
  history.replaceState(null, "", `#${new URLSearchParams(pairs)}`);
}

// ---- Runs: the step on one invariant and one spurious direction, batches without limit ----

/** Uniform numbers in [0, 1) that follow from the seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The mean eigenvalue of the next batch. */
function batch(s, random) {
  if (s.kind === "seasons") return s.mean + reach(s) * Math.cos(2 * Math.PI * random());
  let upper = 0;
  for (let i = 0; i < s.purity; i += 1) upper += random() < 0.5 ? 1 : -1;
  return s.mean + (s.spread * upper) / s.purity;
}

/** Amplitudes every few steps of u <- u (1 + eta (v - u^2)), from 1/100, v drawn for each step. */
function path(s, steps, every, draw) {
  const found = [0.01];
  let u = 0.01;
  for (let t = 1; t <= steps; t += 1) {
    u *= 1 + s.step * (draw() - u * u);
    if (!(Math.abs(u) < BLOWN)) return found; // an amplitude that has blown up stays lost
    if (t % every === 0) found.push(Math.abs(u));
  }
  return found;
}

/** All paths of a setting. As many steps as move equally far: 30 / eta. */
function simulate(s) {
  const every = Math.max(1, Math.round(30 / s.step / 200));
  const points = Math.ceil(30 / s.step / every);
  const steps = points * every;
  const random = generator(s.seed * 7919);
  const runs = Array.from({ length: RUNS }, () => path(s, steps, every, () => batch(s, random)));
  const whole = runs.filter((run) => run.length > points);
  // judged by the last tenth: near the line amplitudes flare up at times
  const late = (run) => Math.max(...run.slice(-Math.ceil(points / 10)));
  return {
    every, steps, runs,
    invariant: path(s, steps, every, () => 1),
    pooled: path(s, steps, every, () => s.mean),
    forgot: whole.filter((run) => late(run) < 0.1).length,
    blown: RUNS - whole.length,
  };
}

// ---- Words ----

function verdict(gamma) {
  if (gamma === -Infinity) return ["dies", "The spurious part dies: some steps multiply it by 0."];
  const rate = percent(Math.abs(Math.expm1(gamma)));
  if (rate === "0.00%") {
    return ["stays", "The spurious part stands still: what steps add, other steps take."];
  }
  return gamma < 0
    ? ["dies", `The spurious part dies: each step shrinks it by ${rate} on average.`]
    : ["grows", `The spurious part grows: each step enlarges it by ${rate} on average.`];
}

function mechanism(s) {
  const middle = 1 + s.step * s.mean;
  const swing = s.step * Math.abs(reach(s));
  const [low, high] = [Math.abs(middle - swing), middle + swing];
  const sign = middle < swing ? " and turns its sign" : "";
  if (s.kind === "seasons") {
    return `In the course of a year a step multiplies it by ${text(middle - swing)} to ` +
      `${text(high)}, by ${text(middle)} on average.`;
  }
  if (s.purity > 1) {
    return `A batch mixes ${s.purity} environments and evens them out: most steps multiply it by ` +
      `about ${text(middle)}, few by ${text(middle - swing)} or ${text(high)}.`;
  }
  return `Half of the steps multiply it by ${text(high)}, half by ${text(low)}${sign}: one of each ` +
    `makes ${text(high * low)}, though their average is ${text(middle)}.`;
}

function pooledWords(s) {
  if (s.mean === 0) return "Mixed batches would leave it alone: its mean is 0.";
  return `Batches that mix all environments would enlarge it by ` +
    `${percent(s.step * s.mean)} a step, until it is learnt.`;
}

/** What one slider alone would change. */
function advice(s, gamma) {
  const critical = criticalValues(s);
  const [low, high] = critical.spread ?? [NaN, NaN];
  if (gamma < 0) {
    if (low < 0.01) return "It dies at the smallest spread: mixed batches would not let it grow.";
    return `It would grow with a spread below ${text(low)}` +
      `${high < Infinity ? ` or above ${text(high)}` : ""}.`;
  }
  const ways = [];
  if (s.spread < low) ways.push(`a spread from ${text(low)} on`);
  if (s.spread >= high) ways.push(`a spread between ${text(low)} and ${text(high)}`);
  if (critical.step && s.step <= critical.step[0]) {
    ways.push(`a step from ${text(critical.step[0])} on`);
  }
  if (s.kind === "two" && critical.purity > 0 && critical.purity < s.purity) {
    const most = critical.purity;
    ways.push(most === 1 ? "one environment a batch" : `at most ${most} environments a batch`);
  }
  if (s.kind === "seasons" && critical.window && s.window >= critical.window[1]) {
    ways.push(`a window below ${text(critical.window[1])} of the year`);
  }
  return ways.length ? `It would die with ${ways.join(", or with ")}.` : "No one slider changes that.";
}

function runWords(found) {
  const blown = found.blown ? `; ${found.blown} blew up` : "";
  return `${found.forgot} of ${RUNS} runs end without the spurious part${blown}`;
}

// ---- Pictures ----

/** An empty picture as wide as its place, with axes; x and y turn values into places. */
function frame(box, { x, y, xTicks, yTicks, xLabel, yLabel }) {
  const [width, height] = [Math.max(box.clientWidth, 280), 300];
  const { left, right, top, bottom } = MARGIN;
  const edge = { left, right: width - right, top, bottom: height - bottom };
  const scale = ([low, high, log], from, to) => (value) => {
    const part = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Number((from + part * (to - from)).toFixed(2));
  };
  const X = scale(x, edge.left, edge.right);
  const Y = scale(y, edge.bottom, edge.top);
  const ticks = [
    ...xTicks.map((v) => `<path class="grid" d="M${X(v)} ${edge.top}V${edge.bottom}"/>` +
      `<text x="${X(v)}" y="${edge.bottom + 18}" text-anchor="middle">${text(v)}</text>`),
    ...yTicks.map(([v, words]) => `<path class="grid" d="M${edge.left} ${Y(v)}H${edge.right}"/>` +
      `<text x="${edge.left - 6}" y="${Y(v) + 4}" text-anchor="end">${words}</text>`),
    `<text x="${edge.right}" y="${height - 8}" text-anchor="end">${xLabel}</text>`,
    `<text transform="translate(13 ${edge.top}) rotate(-90)" text-anchor="end">${yLabel}</text>`,
  ].join("");
  const show = (label, marks) => {
    box.innerHTML = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">` +
      `${ticks}<svg x="${edge.left}" y="${edge.top}" width="${edge.right - edge.left}" ` +
      `height="${edge.bottom - edge.top}" viewBox="${edge.left} ${edge.top} ` +
      `${edge.right - edge.left} ${edge.bottom - edge.top}">${marks}</svg></svg>`;
  };
  return { X, Y, edge, show };
}

const line = (points) => `M${points.map(([x, y]) => `${x} ${y}`).join("L")}`;

function drawPaths(s, gamma, found) {
  const tens = [1, 1e-2, 1e-4, 1e-6];
  const { X, Y, show } = frame(byId("paths"), {
    x: [0, found.steps], y: [FLOOR, 20, true],
    xTicks: [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * found.steps)),
    yTicks: tens.map((v) => [v, v === 1 ? "1" : `10<tspan dy="-4" font-size="9">${
      text(Math.log10(v))}</tspan>`]),
    xLabel: "steps", yLabel: "amplitude",
  });
  const curve = (run) => line(run.map((u, i) => [X(i * found.every), Y(Math.max(u, FLOOR / 9))]));
  const middle = found.invariant.map((_, i) => {
    const there = found.runs.map((run) => run[i] ?? BLOWN).sort((a, b) => a - b);
    return (there[RUNS / 2 - 1] * there[RUNS / 2]) ** 0.5;
  });
  const end = 0.01 * Math.exp(Math.max(gamma * found.steps, -700));
  show(
    `Amplitudes against steps, on a logarithmic scale: ${runWords(found)}; the invariant part ` +
      `rises to 1, and so does what pooled steps learn where its mean is above 0.`,
    `${found.runs.map((run) => `<path class="run" d="${curve(run)}"/>`).join("")}
    <path class="predicted" d="M${X(0)} ${Y(0.01)}L${X(found.steps)} ${Y(end)}"/>
    <path class="spurious" d="${curve(middle)}"/>
    <path class="invariant" d="${curve(found.invariant)}"/>
    <path class="pooled" d="${curve(found.pooled)}"/>`,
  );
}

let region = { key: "" };

/** The cells of the plane in which the spurious part dies, and the line from which runs blow up. */
function phases(s, { X, Y, edge }) {
  const key = JSON.stringify([s.kind, s.mean, s.purity, s.window, edge]);
  if (region.key === key) return region;
  const size = 2;
  const rows = Math.ceil((edge.bottom - edge.top) / size);
  const cells = [];
  const bound = [];
  for (let row = 0; row < rows; row += 1) {
    const part = (row + 0.5) / rows;
    const step = RANGE.step[1] * (RANGE.step[0] / RANGE.step[1]) ** part;
    const dies = (spread) => growthExponent({ ...s, step, spread }) < 0;
    let from = null;
    for (let x = edge.left; x <= edge.right; x += 1) {
      const inside = dies((RANGE.spread[1] * (x - edge.left)) / (edge.right - edge.left));
      if (inside && from === null) from = x;
      if (from !== null && (!inside || x + 1 > edge.right)) {
        cells.push(`M${from} ${edge.top + row * size}h${x - from}v${size}h${from - x}z`);
        from = null;
      }
    }
    const slack = (spread) => room({ ...s, step, spread });
    if (slack(0) > 0 && slack(RANGE.spread[1]) < 0) {
      bound.push([X(crossing(slack, 0, RANGE.spread[1])), Y(step)]);
    }
  }
  region = { key, dies: cells.join(""), bound: bound.length > 1 ? line(bound) : "" };
  return region;
}

function drawPlane(s, gamma) {
  const plane = frame(byId("plane"), {
    x: RANGE.spread, y: [...RANGE.step, true], xTicks: [0, 5, 10, 15, 20],
    yTicks: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].map((v) => [v, text(v)]),
    xLabel: "spread between environments M", yLabel: "step size \u03b7",
  });
  const { dies, bound } = phases(s, plane);
  const [x, y] = [plane.X(s.spread), plane.Y(s.step)];
  plane.show(
    `Spread against step size, with the region in which the spurious part dies. The setting, ` +
      `spread ${text(s.spread)} and step ${text(s.step)}, is ${gamma < 0 ? "inside" : "outside"}.`,
    `<path class="dies" d="${dies}"/><path class="bound" d="${bound}"/>
    <circle class="ring" cx="${x}" cy="${y}" r="9"/><circle class="dot" cx="${x}" cy="${y}" r="6"/>`,
  );
}

function drawCurve(s, gamma) {
  const low = -0.4;
  const high = 0.6;
  const { X, Y, edge, show } = frame(byId("curve"), {
    x: RANGE.spread, y: [low, high], xTicks: [0, 5, 10, 15, 20],
    yTicks: [-0.4, -0.2, 0, 0.2, 0.4, 0.6].map((v) => [v, text(v)]),
    xLabel: "spread between environments M", yLabel: "growth exponent \u03b3",
  });
  const inside = (value) => Y(Math.max(value, low * 1.2));
  const points = spaced(...RANGE.spread, 401)
    .map((spread) => [X(spread), inside(growthExponent({ ...s, spread }))]);
  const [x, y] = [X(s.spread), Y(clamp(gamma, [low, high]))];
  show(
    `Growth exponent against the spread: ${text(gamma)} at a spread of ${text(s.spread)}; below 0 ` +
      `the spurious part dies. Pooled steps have ${text(pooledExponent(s))}.`,
    `<path class="dies" d="M${edge.left} ${Y(0)}H${edge.right}V${edge.bottom}H${edge.left}z"/>
    <path class="axis" d="M${edge.left} ${Y(0)}H${edge.right}"/>
    <path class="pooled" d="M${edge.left} ${Y(pooledExponent(s))}H${edge.right}"/>
    <path class="spurious" d="${line(points)}"/>
    <circle class="ring" cx="${x}" cy="${y}" r="9"/><circle class="dot" cx="${x}" cy="${y}" r="6"/>`,
  );
}

// ---- The page ----

const WORDS = {
  step: text, spread: text, mean: text, purity: text,
  window: (value) => (value === 0 ? "one moment" : `${percent(value)} of the year`),
};
const slider = (name) => byId(`set-${name}`);
const toSlider = (name, value) => (name === "step" ? Math.log10(value) : value);
const fromSlider = (name, value) => (name === "step" ? Number((10 ** value).toPrecision(3)) : value);

function say(id, words) {
  if (byId(id).textContent !== words) byId(id).textContent = words;
}

function render() {
  const gamma = growthExponent(setting);
  const [badge, sentence] = verdict(gamma);
  const found = simulate(setting);
  for (const [name, words] of Object.entries(WORDS)) {
    slider(name).value = toSlider(name, setting[name]);
    slider(name).setAttribute("aria-valuetext", words(setting[name]));
    say(`is-${name}`, words(setting[name]));
  }
  byId(`kind-${setting.kind}`).checked = true;
  byId("row-purity").hidden = setting.kind === "seasons";
  byId("row-window").hidden = setting.kind === "two";
  for (const button of document.querySelectorAll("[data-setting]")) {
    const wanted = Object.entries(JSON.parse(button.dataset.setting));
    button.setAttribute("aria-pressed", wanted.every(([name, value]) => setting[name] === value));
  }
  byId("answer").className = `answer ${gamma < 0 ? "accepted" : "rejected"}`;
  say("badge", badge);
  say("sentence", sentence);
  say("now", sentence);
  say("mechanism", mechanism(setting));
  say("pooled", pooledWords(setting));
  say("advice", advice(setting, gamma));
  say("paths-says", runWords(found));
  drawPaths(setting, gamma, found);
  drawPlane(setting, gamma);
  drawCurve(setting, gamma);
}

function set(changes) {
  setting = { ...setting, ...changes };
  writeAddress();
  render();
}

/** The point of the plane under the pointer is the setting. */
function pick(event) {
  const place = byId("plane").getBoundingClientRect();
  const { left, right, top, bottom } = MARGIN;
  const across = (event.clientX - place.left - left) / (place.width - left - right);
  const up = (place.bottom - bottom - event.clientY) / (place.height - top - bottom);
  const [least, most] = RANGE.step;
  set({
    spread: Number(clamp(across * RANGE.spread[1], RANGE.spread).toFixed(1)),
    step: Number(clamp(least * (most / least) ** up, RANGE.step).toPrecision(3)),
  });
}

function start() {
  for (const name of Object.keys(WORDS)) {
    slider(name).addEventListener("input", (event) =>
      set({ [name]: fromSlider(name, Number(event.target.value)) }));
  }
  for (const kind of ["two", "seasons"]) {
    byId(`kind-${kind}`).addEventListener("change", () => set({ kind }));
  }
  for (const button of document.querySelectorAll("[data-setting]")) {
    button.addEventListener("click", () => set(JSON.parse(button.dataset.setting)));
  }
  byId("again").addEventListener("click", () => set({ seed: (setting.seed % RANGE.seed[1]) + 1 }));
  byId("plane").addEventListener("pointerdown", (event) => {
    byId("plane").setPointerCapture(event.pointerId);
    pick(event);
  });
  byId("plane").addEventListener("pointermove", (event) => {
    if (event.buttons) pick(event);
  });
  const fresh = () => {
    setting = readAddress();
    render();
  };
  addEventListener("hashchange", fresh);
  addEventListener("resize", render);
  fresh();
}

start();
