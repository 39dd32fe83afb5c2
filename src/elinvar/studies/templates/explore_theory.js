// The formulas of elinvar.theory (docs/theory-matrix.md). A setting s has `kind` ("two" kinds of
// environments, or "seasons"), `step` (eta), `spread` (M), `mean` (mu), `purity` (environments a
// batch) and `window` (its width, as a share of the year). A step in an environment with the
// eigenvalue v multiplies the spurious amplitude by 1 + eta v.

/** What is left of the swing of a year when it is averaged over a window: sin(pi w) / (pi w). */
function leftBy(window) {
  return window === 0 ? 1 : Math.sin(Math.PI * window) / (Math.PI * window);
}

/** Half the range of a batch's mean eigenvalue. */
function reach(s) {
  return s.kind === "seasons" ? s.spread * leftBy(s.window) : s.spread;
}

/** gamma = E log|1 + eta v|, v the mean eigenvalue of a batch: below 0 the spurious part dies. */
function growthExponent(s) {
  const middle = 1 + s.step * s.mean;
  const swing = s.step * reach(s);
  if (s.kind === "seasons") {
    // Jensen's formula for E log|c + b cos|
    if (swing >= middle) return Math.log(swing / 2);
    return Math.log((middle + Math.sqrt(middle * middle - swing * swing)) / 2);
  }
  const n = s.purity;
  let mean = 0;
  let weight = 2 ** -n; // of k environments of the upper kind in a batch: binomial
  for (let k = 0; k <= n; k += 1) {
    mean += weight * Math.log(Math.abs(middle + (swing * (2 * k - n)) / n));
    weight *= (n - k) / (k + 1);
  }
  return mean;
}

/** The same when every batch mixes all environments. */
function pooledExponent(s) {
  return Math.log(1 + s.step * s.mean);
}

/** Above 0 no order of environments makes the spurious part blow up. */
function room(s) {
  const top = 1 + s.step * (s.mean + reach(s));
  return 2 + s.step * (s.mean - reach(s)) - (4 / 27) * top ** 3;
}

/** Where f changes its sign between a and b, at whose ends the signs differ. */
function crossing(f, a, b) {
  const above = f(a) >= 0;
  for (let i = 0; i < 60; i += 1) {
    const middle = (a + b) / 2;
    if (f(middle) >= 0 === above) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

/** The first stretch of rising values on which f is negative, its ends refined; null if none. */
function firstNegative(f, values) {
  const first = values.findIndex((value) => f(value) < 0);
  if (first < 0) return null;
  const past = values.findIndex((value, i) => i > first && f(value) >= 0);
  return [
    first ? crossing(f, values[first - 1], values[first]) : values[0],
    past < 0 ? Infinity : crossing(f, values[past - 1], values[past]),
  ];
}

/** `count` numbers from low to high in equal steps, or in equal ratios. */
function spaced(low, high, count, ratios = false) {
  const part = (i) => i / (count - 1);
  const at = ratios ? (i) => low * (high / low) ** part(i) : (i) => low + (high - low) * part(i);
  return Array.from({ length: count }, (_, i) => at(i));
}

/** Where the spurious part begins and ceases to die when one setting moves and the rest stay. */
function criticalValues(s) {
  const along = (name) => (value) => growthExponent({ ...s, [name]: value });
  // no line of note lies beyond this spread: a step then multiplies by more than 2 in most batches
  const most = s.kind === "seasons" ? 1 / Math.max(leftBy(s.window), 0.01) : s.purity;
  const far = (3 * most * (1 + s.step * s.mean)) / s.step;
  let purity = 0;
  while (purity < 64 && along("purity")(purity + 1) < 0) purity += 1;
  return {
    spread: firstNegative(along("spread"), spaced(0, far, 2000)),
    step: firstNegative(along("step"), spaced(1e-4, 10, 2000, true)),
    window: firstNegative(along("window"), spaced(0, 1, 500)),
    purity,
  };
}
