"""The look of a page: inline CSS for light, dark and paper."""

STYLE = """
:root {
  --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --paper: #ffffff; --panel: #f6f8fa;
  color-scheme: light dark;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --quiet: #9198a1; --line: #3d444d; --paper: #0d1117; --panel: #151b23;
    --c0072b2: #58a6e8; --c009e73: #3fc79a; --cd55e00: #ff8a3d; --c999999: #8b949e;
    --cb07aa1: #d2a0c4; --c8c959f: #6e7681; --ccc79a7: #e09cc0; --c7f6fb0: #a99be0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif;
}
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 {
  font-size: 1.2rem; margin: 2.75rem 0 .6rem; padding-top: .9rem;
  border-top: 1px solid var(--line);
}
p { margin: .5rem 0; }
.verdict {
  font-size: 1.2rem; line-height: 1.45; padding: .9rem 1.1rem; margin: 0;
  background: var(--panel); border-left: 4px solid var(--c0072b2, #0072b2);
  overflow-wrap: anywhere;
}
.verdict.rejected { border-color: var(--cd55e00, #d55e00); }
.verdict.approximate { border-color: var(--c009e73, #009e73); }
.verdict.pooled_only { border-color: var(--quiet); }
.quiet, figcaption, caption, dt { color: var(--quiet); font-size: .92rem; }
.wide { overflow-x: auto; }
table {
  border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .95rem;
}
caption { text-align: left; padding-bottom: .4rem; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; vertical-align: bottom; }
thead th { border-bottom: 2px solid var(--line); }
th:first-child { overflow-wrap: anywhere; min-width: 11rem; }
.text { text-align: left; }
td { white-space: nowrap; }
.kind { font-weight: 600; }
.kind.invariant { color: var(--c0072b2, #0072b2); }
.kind.approximately { color: var(--c009e73, #00815d); }
.kind.spurious { color: var(--cd55e00, #b84e00); }
.kind.no, .kind.undecided { color: var(--quiet); }
figure { margin: 1.25rem 0; }
figure svg {
  display: block; width: 100%; min-width: 38rem; height: auto;
  color: var(--ink); font-family: inherit;
}
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: .75rem 0; }
dd { margin: 0; overflow-wrap: anywhere; }
pre {
  background: var(--panel); padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .88rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
summary { cursor: pointer; }
@media print {
  main { max-width: none; padding: 0; }
  body { font-size: 11pt; }
  h2 { break-after: avoid; }
  figure, tr, .verdict { break-inside: avoid; }
  .wide { overflow: visible; }
}
""".strip()
