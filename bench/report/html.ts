/** The report as one HTML file with plots. It loads nothing, and follows the reader's choice of dark or light. */
import type { Measurement } from '../measurement.ts'
import type { BenchDocument } from './document.ts'
import { factsOf, READING, warningOf } from './facts.ts'
import { colorOf, plotsOf } from './plots.ts'
import { columnsOf, rowsOf } from './rows.ts'

/** One per system of the catalogue, readable on white and on black: ours are blue to green, skeletons grey, peers warm. */
const COLORS_LIGHT = [
  '#0b57d0',
  '#1a8fd1',
  '#00796b',
  '#4c9a2a',
  '#5f6368',
  '#9aa0a6',
  '#d93025',
  '#e37400',
  '#a142f4',
  '#b06000',
]
const COLORS_DARK = [
  '#8ab4f8',
  '#4fc3f7',
  '#4db6ac',
  '#aed581',
  '#bdc1c6',
  '#80868b',
  '#f28b82',
  '#fdb462',
  '#d7aefb',
  '#fdd663',
]

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #202124; --faint: #5f6368; --line: #dadce0; --loss: #b3261e; ${variables(COLORS_LIGHT)} }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181b; --text: #e8eaed; --faint: #9aa0a6; --line: #3c4043; --loss: #f28b82; ${variables(COLORS_DARK)} }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1200px; padding: 1rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
p, .legend { max-width: 75ch; } .note { color: var(--faint); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 1rem; align-items: start; margin-bottom: 1rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid var(--line); vertical-align: bottom; white-space: normal; min-width: 4.5em; }
th:nth-child(-n+2), td:nth-child(-n+2), .facts td { text-align: left; white-space: normal; }
tr.first td { border-top: 1px solid var(--line); } .loss { color: var(--loss); font-weight: bold; }
`

export function htmlReport(document: BenchDocument): string {
  const systems = document.systems.map(({ name }) => name)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>quorate benchmark</title>
<style>${STYLE}</style>
</head>
<body>
<h1>quorate benchmark</h1>
${warningOf(document)
  .map((text) => `<p class="loss">${escapeText(text)}</p>`)
  .join('')}
<p>${escapeText(READING)}</p>
<div class="table"><table class="facts">${factsOf(document)
    .map(([name, value]) => cellsOf([name, value]))
    .join('\n')}</table></div>
<h2>Systems</h2>
<div class="table"><table class="facts">${document.systems
    .map(({ name, description, missing }, at) => {
      const swatch = `<span class="swatch" style="background:${colorOf(at)}"></span>`
      const state = missing === undefined ? '' : `<span class="loss">not measured: ${escapeText(missing)}</span>`
      return `<tr><td>${swatch}${escapeText(name)}</td><td>${escapeText(description)} ${state}</td></tr>`
    })
    .join('\n')}</table></div>
${document.measurements.map((measurement) => sectionOf(measurement, systems)).join('\n')}
</body>
</html>
`
}

function sectionOf(measurement: Measurement, systems: readonly string[]): string {
  const measured = new Set(measurement.cases.flatMap(({ results }) => results.map(({ system }) => system)))
  const legend = systems
    .map((name, at) =>
      measured.has(name)
        ? `<li><span class="swatch" style="background:${colorOf(at)}"></span>${escapeText(name)}</li>`
        : '',
    )
    .join('')
  return `<h2 id="${measurement.part}">${escapeText(measurement.title)}</h2>
<p class="note">${escapeText(measurement.note)}</p>
<ul class="legend">${legend}</ul>
<div class="plots">${plotsOf(measurement, systems).join('\n')}</div>
<div class="table"><table>
<tr>${['', 'system', ...columnsOf(measurement)].map((title) => `<th>${escapeText(title)}</th>`).join('')}</tr>
${rowsOf(measurement)
  .map((row) => cellsOf([row.case, row.system, ...row.cells], row.case === '' ? '' : ' class="first"'))
  .join('\n')}
</table></div>`
}

function cellsOf(cells: readonly string[], attribute = ''): string {
  return `<tr${attribute}>${cells.map((cell) => `<td>${escapeText(cell)}</td>`).join('')}</tr>`
}

function variables(colors: readonly string[]): string {
  return colors.map((color, at) => `--system-${at}: ${color};`).join(' ')
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
