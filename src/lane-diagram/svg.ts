/** Draws a lane diagram as SVG. It needs no script: without one, only the cursor does not move. */
import type { Arrow, DiagramStep, LaneDiagram, Mark } from './diagram.ts'
import type { Layout, PlacedSpan } from './layout.ts'
import { BAND_HEIGHT, BAND_TOP, barTop, LETTER_WIDTH } from './layout.ts'
import { escapeText, shortened } from './text.ts'

/** The least distance of two labels of one lane. */
const LABEL_DISTANCE = 26
/** A long band repeats its label, so that it can be read wherever the reader has scrolled. */
const LABEL_EVERY = 420
const NOTE_WIDTH = 400
/** A lower bar has no label. */
const LABELED_HEIGHT_MIN = 12
const TICK_DISTANCE = 90
/** How far a lost message gets on the way to its lane. */
const LOST_WAY = 0.55
const LOST_LENGTH = 14
/** Bands end a little after the last step. */
const AFTER_LAST = 34
const WHEN_LETTERS_MAX = 20

/** Symbols around the origin. */
const SYMBOLS: Readonly<Record<Mark, string>> = {
  campaign: 'M0-6 6 0 0 6-6 0Z',
  commit: 'M0-4V4',
  crash: 'M-5-5 5 5M5-5-5 5',
  effect: 'M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0',
  failure: 'M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0',
  fault: 'M1-8-5 1H0L-2 8 5-2H0Z',
  install: 'M-5-6H5V0H8L0 7-8 0H-5Z',
  leader: 'M0-7 2-2 7-2 3 1 5 6 0 3-5 6-3 1-7-2-2-2Z',
  membership: 'M-6-2h5V-7h2v5h5v2H1v5h-2V0h-5Z',
  start: 'M0-6 6 5H-6Z',
  'step-down': 'M0 6 6-5H-6Z',
  stop: 'M-5-5H5V5H-5Z',
  truncate: 'M-7 0 0-6V6ZM2-6V6',
}

export function symbolOf(mark: Mark): string {
  return SYMBOLS[mark]
}

export function drawDiagram(diagram: LaneDiagram, layout: Layout): string {
  const { width, height } = layout
  return [
    `<svg id="diagram" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img" aria-label="${escapeText(diagram.title)}">`,
    ...drawLanes(diagram, layout),
    ...drawAxis(diagram, layout),
    ...layout.spans.map((placed) => drawSpan(diagram, layout, placed)),
    ...diagram.arrows.map((arrow) => drawArrow(arrow, layout)),
    ...drawCursor(diagram, layout),
    ...drawMarks(diagram, layout),
    '</svg>',
  ].join('\n')
}

function drawLanes({ lanes }: LaneDiagram, { width, tops, heights, middle }: Layout): string[] {
  return lanes.flatMap(({ kind }, lane) => [
    ...(lane % 2 === 0 ? [`<rect class="stripe" y="${tops[lane]}" width="${width}" height="${heights[lane]}"/>`] : []),
    ...(kind === 'band' ? [`<path class="rail" d="M0 ${middle(lane)}H${width}"/>`] : []),
  ])
}

/** Times at the top, as many as there is space for. */
function drawAxis({ steps, isTimed }: LaneDiagram, { x, height }: Layout): string[] {
  if (!isTimed) return []
  const ticks: string[] = []
  let free = 0
  let lastAt = Number.NaN
  for (const [offset, { at }] of steps.entries()) {
    if (x(offset) < free || at === lastAt) continue
    free = x(offset) + TICK_DISTANCE
    lastAt = at
    ticks.push(
      `<path class="tick" d="M${x(offset)} 16V${height}"/><text class="axis" x="${x(offset)}" y="12">${(at / 1000).toFixed(1)} ms</text>`,
    )
  }
  return ticks
}

function drawSpan({ lanes }: LaneDiagram, layout: Layout, placed: PlacedSpan): string {
  const { span } = placed
  const isBar = lanes[span.lane]?.kind === 'bars'
  const [from, to] = [layout.x(span.from), layout.x(span.to)]
  const y = isBar ? barTop(layout, placed) : (layout.tops[span.lane] ?? 0) + BAND_TOP
  const height = isBar ? (layout.bars[span.lane] ?? 0) : BAND_HEIGHT
  const width = Math.max(isBar ? 8 : 1, Math.round((to - from) * 10) / 10)
  const letters = Math.floor((width - 6) / LETTER_WIDTH)
  const label = letters < 2 || height < LABELED_HEIGHT_MIN ? '' : escapeText(shortened(span.label, letters))
  const count = label === '' ? 0 : Math.max(1, Math.floor(width / LABEL_EVERY))
  const texts = Array.from(
    { length: isBar ? Math.min(1, count) : count },
    (_, number) =>
      `<text x="${from + 4 + number * LABEL_EVERY}" y="${y + height - (height > LABELED_HEIGHT_MIN + 2 ? 5.5 : 3)}">${label}</text>`,
  )
  const rect = `<rect x="${from}" y="${y}" width="${width}" height="${height}" rx="3"/>`
  return `<g class="span ${span.kind}" style="--hue:${hueOf(span.color)}"><title>${escapeText(span.title)}</title>${rect}${texts.join('')}</g>`
}

/** Neighbouring numbers get colors that differ, and none is the red of failures. */
export function hueOf(color: number): number {
  return 40 + ((color * 83 + 150) % 280)
}

function drawArrow({ fromLane, toLane, from, step, isLost, isMinor, kind, title }: Arrow, layout: Layout): string {
  const [x1, y1] = [layout.x(from), edgeOf(layout, fromLane, toLane)]
  const [endX, endY] = [layout.x(step ?? Number.POSITIVE_INFINITY), edgeOf(layout, toLane, fromLane)]
  const isWhole = !isLost && step !== undefined
  const x2 = isLost ? Math.max(endX, x1 + LOST_LENGTH) : endX
  const y2 = isWhole ? endY : Math.round(y1 + (endY - y1) * LOST_WAY)
  const classes = ['arrow', kind, ...(isMinor ? ['minor'] : []), ...(isLost ? ['lost'] : isWhole ? [] : ['open'])]
  const end = isLost
    ? `<path class="end" d="M${x2 - 4} ${y2 - 4}l8 8m0-8l-8 8"/>`
    : isWhole
      ? headOf(x1, y1, x2, y2)
      : ''
  const data = step === undefined ? '' : ` data-step="${step}"`
  return `<g class="${classes.join(' ')}"${data}><title>${escapeText(title)}</title><path class="hit" d="M${x1} ${y1}L${x2} ${y2}"/><path class="shaft" d="M${x1} ${y1}L${x2} ${y2}"/>${end}</g>`
}

/** The edge of a band that faces another lane. */
function edgeOf({ middle }: Layout, lane: number, other: number): number {
  return middle(lane) + (other > lane ? BAND_HEIGHT / 2 : -BAND_HEIGHT / 2)
}

function headOf(x1: number, y1: number, x2: number, y2: number): string {
  const angle = Math.atan2(y2 - y1, x2 - x1)
  const point = (turn: number): string =>
    `${(x2 - 8 * Math.cos(angle + turn)).toFixed(1)} ${(y2 - 8 * Math.sin(angle + turn)).toFixed(1)}`
  return `<path class="head" d="M${x2} ${y2}L${point(0.4)} ${point(-0.4)}Z"/>`
}

function drawMarks({ steps, lanes }: LaneDiagram, layout: Layout): string[] {
  const free = lanes.map(() => 0)
  return steps.flatMap((step, offset) => {
    if (step.mark === undefined) return []
    const x = layout.x(offset)
    const isNote = lanes[step.lane]?.kind === 'notes'
    const hasSpace = x >= (free[step.lane] as number) || step.mark === 'failure'
    const label = isNote && step.mark !== 'failure' ? noteAt(steps, offset, layout) : step.markLabel
    if (hasSpace && label !== '') free[step.lane] = x + Math.max(LABEL_DISTANCE, label.length * LETTER_WIDTH + 16)
    const place = { offset, x, y: markTop(layout, step, isNote), label: hasSpace ? label : '' }
    return [drawMark(step, step.mark, { ...place, isLast: offset === steps.length - 1 })]
  })
}

/** As much of the text of a note as fits before the next one of its lane. */
function noteAt(steps: readonly DiagramStep[], offset: number, { x }: Layout): string {
  const { lane, text } = steps[offset] as DiagramStep
  const next = steps.findIndex((step, other) => other > offset && step.lane === lane && step.mark !== undefined)
  const space = next === -1 ? NOTE_WIDTH : Math.min(NOTE_WIDTH, x(next) - x(offset) - 24)
  const letters = Math.floor(space / LETTER_WIDTH)
  return letters < 4 ? '' : shortened(text.replace(/^! /, ''), letters)
}

function markTop(layout: Layout, { lane, mark, span }: DiagramStep, isNote: boolean): number {
  const { tops, middle, spans } = layout
  const placed = span === undefined ? undefined : spans.find((each) => each.span === span)
  if (placed !== undefined) return barTop(layout, placed) + (layout.bars[lane] ?? 0) / (mark === 'effect' ? 1 : 2)
  if (isNote) return (tops[lane] ?? 0) + 28
  if (mark === 'failure') return middle(lane)
  return mark === 'commit' || mark === 'effect' ? middle(lane) + BAND_HEIGHT / 2 + 5 : (tops[lane] ?? 0) + 14
}

interface MarkPlace {
  readonly offset: number
  readonly x: number
  readonly y: number
  readonly label: string
  readonly isLast: boolean
}

function drawMark(step: DiagramStep, mark: Mark, place: MarkPlace): string {
  const { offset, x, y, label } = place
  const title = `<title>${escapeText(`${step.label} ${step.text}`)}</title>`
  const symbol = `<path d="${SYMBOLS[mark]}" transform="translate(${x} ${y})"/>`
  const text = label === '' ? '' : labelOf(mark, place)
  return `<g class="mark ${mark}" data-step="${offset}">${title}${symbol}${text}</g>`
}

/** To the right of the mark. That of a failure stands where nothing is drawn: after the last step, or else above and before it. */
function labelOf(mark: Mark, { x, y, label, isLast }: MarkPlace): string {
  if (mark === 'failure' && isLast) return `<text x="${x + AFTER_LAST}" y="${y + 4}">${escapeText(label)}</text>`
  if (mark === 'failure' && x > label.length * LETTER_WIDTH)
    return `<text x="${x - 10}" y="${y - 15}" text-anchor="end">${escapeText(label)}</text>`
  return `<text x="${x + (mark === 'commit' ? 3 : 9)}" y="${y + 4}">${escapeText(label)}</text>`
}

/** A line below the times, with a flag that says the time; the script moves both. */
function drawCursor(diagram: LaneDiagram, { x, height }: Layout): string[] {
  const { start, hasFailure, steps } = diagram
  const time = escapeText(steps[start] === undefined ? '' : whenOf(diagram, steps[start]))
  return [
    ...(hasFailure ? [`<path class="failure-line" d="M${x(start)} 36V${height}"/>`] : []),
    `<g id="cursor" transform="translate(${x(start)} 0)"><path d="M0 36V${height}"/><g id="flag"><rect class="grip" x="-44" y="18" width="88" height="18" rx="4"/><text y="31" text-anchor="middle">${time}</text></g></g>`,
  ]
}

/** The time of a step without its number, if the diagram is about times. */
export function whenOf({ isTimed }: LaneDiagram, { at, label }: DiagramStep): string {
  return isTimed ? `${(at / 1000).toFixed(1)} ms` : shortened(label, WHEN_LETTERS_MAX)
}
