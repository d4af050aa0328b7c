/** A lane diagram as one HTML file, with a cursor over its steps and the state of each lane there. It loads nothing. */

import { causesSection } from './causes.ts'
import type { DiagramStep, LaneDiagram, LaneState } from './diagram.ts'
import { layoutOf } from './layout.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'
import { drawDiagram, symbolOf, whenOf } from './svg.ts'
import { escapeJson, escapeText } from './text.ts'

const KEYS = [
  ['←', 'previous event'],
  ['→', 'next event'],
  ['Shift ← →', 'ten events'],
  ['p', 'previous in this lane'],
  ['n', 'next in this lane'],
] as const

export function diagramPage(diagram: LaneDiagram): string {
  const { title, sentences, lanes, hasFailure, minorName, reading, scale } = diagram
  const layout = layoutOf(diagram)
  const { heights, width, tops } = layout
  const names = lanes.flatMap(({ name, kind }, lane) =>
    kind === 'card'
      ? []
      : [
          `<div${kind === 'band' ? '' : ' class="short"'} style="height:${heights[lane]}px" title="${escapeText(name)}">${escapeText(name)}</div>`,
        ],
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<div class="top"><header>
<h1${hasFailure ? ' class="bad"' : ''}>${escapeText(title)}</h1>
${sentences.map((sentence) => `<p>${escapeText(sentence)}</p>`).join('\n')}
</header>
${causesSection(diagram)}</div>
${toolbar(diagram)}
<p class="faint reading">${escapeText(reading)}</p>
<div class="picture">
<div class="names"><div style="height:${tops[0] ?? 0}px"></div>${names.join('')}</div>
<div class="scroll" id="scroll" tabindex="0" aria-label="Diagram, ${width} pixels wide">
${drawDiagram(diagram, layout)}
</div>
</div>
<div class="panels">
<section><h2>State at the cursor</h2><div class="cards">
${cards(diagram).join('\n')}
</div></section>
<section><h2>Events</h2><ol class="events" id="events">
${diagram.steps.map((step, offset) => eventRow(diagram, step, offset)).join('\n')}
</ol></section>
</div>
${earlierSection(diagram)}
<section class="help"><h2>Legend</h2>
<ul class="legend">${legendItems(diagram).join('\n')}</ul>
<p class="faint keys">${[...KEYS, ...(hasFailure ? [['f', 'failure'] as const] : []), ...(minorName === undefined ? [] : [['h', minorName] as const])].map(([key, what]) => `<kbd>${key}</kbd> ${escapeText(what)}`).join(' · ')}</p>
<p class="faint">${escapeText(scale)}</p>
</section>
${diagram.appendices.map(({ title: name, text }) => `<details><summary>${escapeText(name)}</summary><pre>${escapeText(text)}</pre></details>`).join('\n')}
<script type="application/json" id="data">${escapeJson(scriptData(diagram, layout))}</script>
<script>${SCRIPT}</script>
</body>
</html>
`
}

function toolbar({ steps, start, hasFailure, minorName }: LaneDiagram): string {
  const button = (key: string, label: string, name: string): string =>
    `<button type="button" data-key="${key}" aria-label="${name}" title="${name}"${key === 'f' ? ' class="bad"' : ''}>${label}</button>`
  return `<nav class="bar" aria-label="Events">
${button('Home', '⇤', 'First event')}${button('ArrowLeft', '←', 'Previous event')}${button('ArrowRight', '→', 'Next event')}${button('End', '⇥', 'Last event')}${hasFailure ? button('f', 'Failure', 'Go to the failure') : ''}
<input type="range" id="slider" min="0" max="${steps.length - 1}" value="${start}" aria-label="Event">
${minorName === undefined ? '' : `<label><input type="checkbox" id="minor" checked> ${escapeText(minorName)}</label>`}
<output id="now" for="slider">${escapeText(`${steps[start]?.label ?? ''} ${steps[start]?.text ?? ''}`)}</output>
</nav>`
}

function eventRow({ lanes, start, hasFailure }: LaneDiagram, step: DiagramStep, offset: number): string {
  const isFailure = hasFailure && offset === start
  const classes = [...(step.isMinor ? ['minor'] : []), ...(isFailure ? ['failure'] : [])]
  const className = classes.length === 0 ? '' : ` class="${classes.join(' ')}"`
  return `<li${className}><span>${escapeText(step.label)}</span><span>${escapeText(lanes[step.lane]?.name ?? '')}</span><span>${escapeText(step.text)}</span></li>`
}

/** The cards as they are at the start: the script fills them for other steps. */
function cards({ lanes, steps, start }: LaneDiagram): string[] {
  const states = new Map(steps.slice(0, start + 1).flatMap((step) => step.states))
  return lanes.flatMap(({ name, fields }, lane) => {
    if (fields.length === 0) return []
    const state = states.get(lane)
    const shownAt = (offset: number): string => escapeText(state?.values[offset] ?? '')
    const rows = fields.flatMap(({ name: field, width }, offset) =>
      width === 'folded' ? [] : [`<dt>${escapeText(field)}</dt><dd class="value ${width}">${shownAt(offset)}</dd>`],
    )
    const folds = fields.flatMap(({ name: field, width }, offset) =>
      width === 'folded'
        ? [
            `<details class="fold"><summary>${escapeText(field)} <span class="beginning">${shownAt(offset)}</span></summary><pre class="value">${shownAt(offset)}</pre></details>`,
          ]
        : [],
    )
    const cells = (state?.cells ?? []).map(([text, kind]) => `<li class="${kind}">${escapeText(text)}</li>`)
    return [
      `<article class="card" data-lane="${lane}"><h3><span>${escapeText(name)}</span><span class="badge">${escapeText(state?.badge ?? '')}</span></h3><dl>${rows.join('')}</dl>${folds.join('')}<ul class="cells">${cells.join('')}</ul></article>`,
    ]
  })
}

function legendItems({ legend }: LaneDiagram): string[] {
  return legend.map(([shape, kind, meaning]) => `<li>${sampleOf(shape, kind)}${escapeText(meaning)}</li>`)
}

function sampleOf(shape: LaneDiagram['legend'][number][0], kind: string): string {
  if (shape === 'cell') return `<span class="chip ${kind}">5@2</span>`
  const open = '<svg width="26" height="16" aria-hidden="true">'
  if (shape === 'mark')
    return `${open}<g class="mark ${kind}"><path d="${symbolOf(kind as Parameters<typeof symbolOf>[0])}" transform="translate(13 8)"/></g></svg>`
  if (shape === 'span')
    return `${open}<g class="span ${kind}" style="--hue:190"><rect width="26" height="14" rx="3"/></g></svg>`
  return `${open}<g class="arrow ${kind}"><path class="shaft" d="M0 8H18"/>${kind.includes('lost') ? '<path class="end" d="M18 4l8 8m0-8l-8 8"/>' : kind.includes('open') ? '' : '<path class="head" d="M26 8L17 4.5V11.5Z"/>'}</g></svg>`
}

function earlierSection({ earlier }: LaneDiagram): string {
  if (earlier === undefined) return ''
  const lines = earlier.lines.length === 0 ? '' : `<pre>${escapeText(earlier.lines.join('\n'))}</pre>`
  return `<details id="earlier"><summary>${escapeText(earlier.summary)}</summary>${lines}</details>`
}

/** What the script needs. Equal states are stored once, and so are equal values that are folded. */
function scriptData(diagram: LaneDiagram, { x, tops, heights }: ReturnType<typeof layoutOf>): object {
  const { steps, lanes, start } = diagram
  const table: unknown[] = []
  const known = new Map<string, number>()
  const texts: string[] = []
  const knownTexts = new Map<string, number>()
  const numberOfText = (text: string): number => {
    const number = knownTexts.get(text) ?? texts.push(text) - 1
    knownTexts.set(text, number)
    return number
  }
  const numberOf = (lane: number, { badge, values, cells }: LaneState): number => {
    const stored = values.map((value, offset) =>
      lanes[lane]?.fields[offset]?.width === 'folded' ? numberOfText(value) : value,
    )
    const row = [badge, stored, cells]
    const key = JSON.stringify(row)
    const number = known.get(key) ?? table.push(row) - 1
    known.set(key, number)
    return number
  }
  return {
    start,
    x: steps.map((_, offset) => x(offset)),
    when: steps.map((step) => whenOf(diagram, step)),
    lane: steps.map(({ lane }) => lane),
    minor: steps.map(({ isMinor }) => (isMinor ? 1 : 0)),
    lanes: lanes.map((_, lane) => [tops[lane], heights[lane]]),
    states: steps.map(({ states }) =>
      states.length === 0 ? 0 : states.map(([lane, state]) => [lane, numberOf(lane, state)]),
    ),
    table,
    texts,
  }
}
