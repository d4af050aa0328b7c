/** The style sheet of pages with a lane diagram: dark or light as the reader prefers, and usable on narrow screens. */

export const STYLE: string = `
:root { color-scheme: light dark; --back: #fff; --raised: #f6f7f9; --text: #1f2328; --faint: #626a73; --line: #d5dae0; --bad: #c4291c; --good: #1a7f37; --note: #9a6700; --accent: #0b57d0;
  --band: 62% 78%; --leader: 62% 60%; --on-band: #16191d; --call: #cfe3f7; --call-line: #4a7fb5; }
@media (prefers-color-scheme: dark) { :root { --back: #15181c; --raised: #1d2126; --text: #e6e9ed; --faint: #98a1ab; --line: #363c44; --bad: #ff8078; --good: #56d27a; --note: #e3b341; --accent: #8ab4f8;
  --band: 32% 27%; --leader: 48% 42%; --on-band: #f2f5f8; --call: #1f3a55; --call-line: #7fb2e5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1600px; padding: 1rem; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .4rem; overflow-wrap: anywhere; } h1.bad { color: var(--bad); }
h2 { font-size: 1rem; margin: 0 0 .4rem; }
.top { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, auto); gap: 0 2rem; }
.causes h2 { margin: 0 0 .2rem; } .causes ol { list-style: none; margin: 0; padding: 0; font-size: 13px; } .causes button { display: grid; grid-template-columns: 18px 5.2rem minmax(3.2rem, max-content) 1fr; gap: .4rem; align-items: center; width: 100%; min-height: 0; padding: 0 .3rem; border-color: transparent; background: none; text-align: left; } .causes .bad { color: var(--bad); font-weight: 700; } .causes svg { overflow: visible; }
p { margin: .25rem 0; max-width: 110ch; overflow-wrap: anywhere; white-space: pre-line; }
.reading { font-size: 13px; margin: 0 0 .5rem; max-width: none; }
.faint { color: var(--faint); }
code, kbd, pre, output, svg text, dd, .cells, .events { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 .3em; font-size: .85em; }
pre { overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; font-size: 12.5px; max-height: 40rem; }
.bar { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .35rem .6rem; align-items: center; background: var(--back); padding: .5rem 0; }
button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .15rem .6rem; min-width: 2.3rem; min-height: 2rem; cursor: pointer; }
button:hover { border-color: var(--accent); } button.bad { color: var(--bad); border-color: var(--bad); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
input[type=range] { flex: 1 1 12rem; min-width: 8rem; accent-color: var(--accent); }
output { flex: 1 0 100%; font-size: 13px; min-height: 1.5em; overflow-wrap: anywhere; } output b { color: var(--accent); }
.picture { display: flex; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.names { flex: none; position: relative; min-width: 3.2rem; max-width: 9rem; border-right: 1px solid var(--line); background: var(--raised); font-size: 13px; font-weight: 600; }
.names div { padding: 26px .5rem 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .names div.short { padding-top: 10px; }
.scroll { overflow-x: auto; flex: 1; cursor: crosshair; }
svg { display: block; font-size: 11px; } svg text { fill: var(--text); pointer-events: none; }
.stripe { fill: var(--raised); } .rail { stroke: var(--line); fill: none; } .tick { stroke: var(--line); stroke-dasharray: 2 5; fill: none; } svg .axis { fill: var(--faint); }
.span rect { fill: hsl(var(--hue) var(--band)); } svg .span text { fill: var(--on-band); }
.span.leader rect { fill: hsl(var(--hue) var(--leader)); } svg .span.leader text { font-weight: 700; }
.span.candidate rect, .span.pre-candidate rect { stroke: hsl(var(--hue) var(--leader)); stroke-width: 2; stroke-dasharray: 5 3; } .span.pre-candidate rect { fill: none; stroke-dasharray: 2 3; } svg .span.pre-candidate text { fill: var(--text); }
.span.down rect { fill: none; stroke: var(--faint); stroke-dasharray: 3 4; } svg .span.down text { fill: var(--faint); }
.span.call rect { fill: var(--call); stroke: var(--call-line); } .span.open rect { fill: none; stroke: var(--faint); stroke-dasharray: 4 3; } svg .span.open text, svg .span.rejected text { fill: var(--text); }
.span.rejected rect { fill: none; stroke: var(--note); } .span.culprit rect { fill: color-mix(in srgb, var(--bad) 28%, var(--back)); stroke: var(--bad); stroke-width: 2; } svg .span.culprit text { fill: var(--text); }
.arrow { --ink: var(--faint); color: var(--ink); } .arrow.append { --ink: var(--accent); } .arrow.vote { --ink: var(--note); } .arrow.snapshot { --ink: var(--good); }
.shaft { stroke: var(--ink); stroke-width: 1.3; fill: none; } .head { fill: var(--ink); } .hit { stroke: transparent; stroke-width: 8; } .end { stroke: var(--bad); stroke-width: 1.8; fill: none; }
.arrow.lost .shaft { stroke: var(--bad); stroke-dasharray: 4 3; } .arrow.open .shaft { stroke-dasharray: 1 4; } .arrow.minor { opacity: .32; }
.arrow:hover, .arrow.now { opacity: 1; } .arrow:hover .shaft, .arrow.now .shaft { stroke-width: 3; }
.no-minor .minor { display: none; }
.mark path { fill: none; stroke: var(--text); stroke-width: 1.6; } .mark.leader path { fill: var(--text); stroke: none; } .mark.crash path { stroke: var(--bad); stroke-width: 2.6; } .mark.start path { fill: var(--good); stroke: none; }
.mark.fault path { fill: var(--note); stroke: none; } .mark.stop path { fill: var(--bad); stroke: none; } .mark.install path { fill: var(--good); stroke: none; } .mark.commit path { stroke-width: 2; } svg .mark.commit text { fill: var(--faint); }
.mark.effect path { fill: var(--good); stroke: none; } svg .mark.effect text { fill: var(--good); }
.mark.failure path { stroke: var(--bad); stroke-width: 3; } svg .mark.failure text { fill: var(--bad); font-weight: 700; paint-order: stroke; stroke: var(--back); stroke-width: 4px; } .mark.now path { stroke: var(--accent); stroke-width: 3; } .mark.failure.now path { stroke: var(--bad); }
.failure-line { stroke: var(--bad); stroke-width: 9; opacity: .25; }
#cursor { pointer-events: none; } #cursor path { stroke: var(--accent); stroke-width: 1.5; fill: none; } #cursor .grip { fill: var(--accent); } svg #cursor text { fill: var(--back); font-weight: 700; }
.panels { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1rem; margin-top: 1rem; align-items: start; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15.5rem), 1fr)); gap: .6rem; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .65rem; background: var(--raised); min-width: 0; } .card.here { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.card h3 { display: flex; gap: .5rem; align-items: baseline; margin: 0 0 .25rem; font-size: .95rem; } .badge { font-weight: 600; font-size: .8rem; color: var(--faint); } .badge.leader { color: var(--accent); } .badge.down { color: var(--bad); }
dl { display: grid; grid-template-columns: auto minmax(3ch, 1fr) auto minmax(3ch, 1fr); gap: 0 .6rem; margin: 0; font-size: 13px; } dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; } dd.wide { grid-column: 2 / -1; } dd.changed { color: var(--accent); font-weight: 700; }
.fold { margin: .2rem 0 0; font-size: 13px; } .fold summary { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 400; color: var(--faint); } .beginning { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--text); } .fold .changed { color: var(--accent); } .fold[open] .beginning { display: none; }
.fold pre { margin: .2rem 0; padding: .35rem .5rem; font-size: 12px; max-height: 20rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--back); }
.cells { display: flex; flex-wrap: wrap; gap: 2px; list-style: none; margin: .35rem 0 0; padding: 0; font-size: 11px; } .cells li { border: 1px solid var(--line); border-radius: 3px; padding: 0 .25em; white-space: nowrap; }
:is(li, .chip).applied { background: color-mix(in srgb, var(--good) 30%, transparent); border-color: var(--good); } :is(li, .chip).committed { border-color: var(--good); } :is(li, .chip).unwritten { border-style: dashed; color: var(--faint); }
.events { list-style: none; margin: 0; padding: 0; height: 24rem; overflow: auto; border: 1px solid var(--line); border-radius: 6px; font-size: 12px; position: relative; }
.events li { display: grid; grid-template-columns: 7.2rem 4.6rem 1fr; gap: .4rem; padding: .1rem .5rem; cursor: pointer; overflow-wrap: anywhere; } .events li:hover { background: var(--raised); } .events li.minor { color: var(--faint); }
.events li.now { background: color-mix(in srgb, var(--accent) 22%, transparent); } .events li.failure { color: var(--bad); font-weight: 700; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; padding: 0; margin: .6rem 0; font-size: 13px; } .legend li { display: flex; align-items: center; gap: .35rem; } .legend svg { overflow: visible; }
.chip { font-size: 11px; border: 1px solid var(--line); border-radius: 3px; padding: 0 .25em; }
details, .help { margin-top: .8rem; } summary { cursor: pointer; font-weight: 600; }
@media (max-width: 800px) { body { padding: .6rem; display: flex; flex-direction: column; } .top { display: contents; } .reading { order: 1; margin-top: .4rem; } .causes { order: 2; margin-top: .8rem; } .panels, details, .help { order: 3; } output { max-height: 3em; overflow: hidden; } .panels { grid-template-columns: minmax(0, 1fr); } .names { min-width: 2.6rem; max-width: 4.5rem; } .names div { padding-left: .3rem; padding-right: .3rem; } .events { height: 16rem; } .events li { grid-template-columns: 5.4rem 2.6rem 1fr; } .keys { display: none; } }
@media print { .bar button, .bar input, .bar label { display: none; } .bar { position: static; } .scroll { overflow: visible; } .events { height: auto; } }
`
