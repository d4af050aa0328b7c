/** Formats a counterexample as a self-contained HTML page with a diagram of the calls. */
import type { Counterexample } from './counterexample.ts'
import { counterexampleText, explanationSentences, latestCalls } from './counterexample-text.ts'
import { formatAnswer, formatOperation } from './format.ts'
import type { Interval } from './interval.ts'

/** The maximum number of calls drawn. The latest are drawn. */
const CALLS_MAX = 200

/** Sizes in pixels. */
const COLUMN_WIDTH = 22
const LANE_HEIGHT = 34
const BAR_HEIGHT = 22
const MARGIN_LEFT = 110
const MARGIN_TOP = 10
const LETTER_WIDTH = 6.7

const STYLE = `body{font:14px system-ui,sans-serif;margin:2em;color:#222}pre{overflow-x:auto;background:#f6f6f6;padding:1em}
svg{font:11px ui-monospace,monospace;display:block;direction:ltr}.picture{overflow-x:auto;direction:rtl}.bar{fill:#cfe3f7;stroke:#4a7fb5}
.open{fill:#eee;stroke:#888;stroke-dasharray:4 3}.culprit{fill:#f9c9c4;stroke:#c0281c;stroke-width:2}
.point{fill:#1d5c2f}.lane{fill:#666}`

interface Bar<Operation, Result> {
  readonly interval: Interval<Operation, Result>
  readonly lane: number
  readonly begin: number
  readonly end: number
}

export function counterexampleHtml<State, Operation, Result>(found: Counterexample<State, Operation, Result>): string {
  const paragraphs = explanationSentences(found).map((sentence) => `<p>${escapeHtml(sentence)}</p>`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Not linearizable</title><style>${STYLE}</style></head><body>
<h1>Not linearizable</h1>
${paragraphs.join('\n')}
<div class="picture">${drawTimeline(found)}</div>
<p>Each bar is a call, from its start to its answer; a dashed bar is a call that was not yet answered. The red bar is the call whose answer is
impossible. Each green dot is the point at which a call takes effect in an order that explains the earlier answers, with its number in that
order. Columns are starts and ends of calls, not to scale.</p>
<pre>${escapeHtml(counterexampleText(found))}</pre>
</body></html>
`
}

function drawTimeline<State, Operation, Result>(found: Counterexample<State, Operation, Result>): string {
  const shown = latestCalls(found, CALLS_MAX)
  const columns = columnsOf(found, shown)
  const { bars, lanes } = barsOf(shown, columns)
  const right = MARGIN_LEFT + (columns.length + 2) * COLUMN_WIDTH
  const height = MARGIN_TOP + lanes.length * LANE_HEIGHT
  // Client names stand at both ends: the page opens scrolled to the end, where the impossible answer is.
  const names = [0, right].flatMap((x) =>
    lanes.map((name, lane) => `<text class="lane" x="${x}" y="${laneTop(lane) + 15}">${escapeHtml(name)}</text>`),
  )
  const drawn = bars.map((bar) => drawBar(bar, bar.interval === found.culprit))
  const points = drawLinearizationPoints(found, bars, columns)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${right + MARGIN_LEFT}" height="${height}" role="img">${[...names, ...drawn, ...points].join('\n')}</svg>`
}

/** The instants at which a call starts or ends. */
function columnsOf<State, Operation, Result>(
  { culprit }: Counterexample<State, Operation, Result>,
  shown: readonly Interval<Operation, Result>[],
): number[] {
  const instants = shown.flatMap(({ from, to }) => [from, Math.min(to, culprit.to)])
  return [...new Set(instants)].sort((a, b) => a - b)
}

/** Assigns lanes: one for each client, more for a client whose calls overlap. */
function barsOf<Operation, Result>(
  shown: readonly Interval<Operation, Result>[],
  columns: readonly number[],
): { readonly bars: Bar<Operation, Result>[]; readonly lanes: string[] } {
  const clients = [...new Set(shown.map(({ call }) => call.client))]
  const lanes: string[] = []
  const bars: Bar<Operation, Result>[] = []
  for (const client of clients) {
    const free: number[] = []
    const first = lanes.length
    for (const interval of shown.filter(({ call }) => call.client === client)) {
      const begin = columns.indexOf(interval.from)
      const end = columns.indexOf(interval.to)
      const until = end === -1 ? columns.length : end
      const reusable = free.findIndex((column) => column <= begin)
      const lane = reusable === -1 ? free.length : reusable
      free[lane] = until + 1
      if (lane === lanes.length - first) lanes.push(`client ${client}`)
      bars.push({ interval, lane: first + lane, begin, end: until })
    }
  }
  return { bars, lanes }
}

function drawBar<Operation, Result>(
  { interval, lane, begin, end }: Bar<Operation, Result>,
  isCulprit: boolean,
): string {
  const { call, to } = interval
  const isOpen = to === Number.POSITIVE_INFINITY
  const style = isCulprit ? 'bar culprit' : isOpen ? 'bar open' : 'bar'
  const [x, y, width] = [xOf(begin), laneTop(lane), Math.max(COLUMN_WIDTH / 2, (end - begin) * COLUMN_WIDTH)]
  const text = `${formatOperation(call.operation)} ${isOpen ? '?' : formatAnswer(call)}`
  const letters = Math.floor(width / LETTER_WIDTH)
  const label = text.length <= letters ? text : `${text.slice(0, Math.max(1, letters - 1))}…`
  const title = `client ${call.client}: ${text}, called at ${call.calledAt}, ${isOpen ? 'not yet answered' : `answered at ${to}`}`
  return `<g><title>${escapeHtml(title)}</title><rect class="${style}" x="${x}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="3"/><text x="${x + 3}" y="${y + 14}">${escapeHtml(label)}</text></g>`
}

/** Draws each call of the order at the earliest instant that the order allows; calls at one instant stand side by side. */
function drawLinearizationPoints<State, Operation, Result>(
  { precedingOrder = [] }: Counterexample<State, Operation, Result>,
  bars: readonly Bar<Operation, Result>[],
  columns: readonly number[],
): string[] {
  const lanes = new Map(bars.map(({ interval, lane }) => [interval.call, lane]))
  const points: string[] = []
  let [at, side] = [Number.NEGATIVE_INFINITY, 0]
  for (const [number, { interval }] of precedingOrder.entries()) {
    side = interval.from > at ? 0 : side + 1
    at = Math.max(at, interval.from)
    const lane = lanes.get(interval.call)
    if (lane === undefined) continue
    const x = xOf(columns.indexOf(at)) + Math.min(COLUMN_WIDTH - 4, 3 + side * 5)
    const y = laneTop(lane) + BAR_HEIGHT
    points.push(
      `<circle class="point" cx="${x}" cy="${y}" r="3"/><text class="point" x="${x - 2}" y="${y + 11}">${number + 1}</text>`,
    )
  }
  return points
}

function xOf(column: number): number {
  return MARGIN_LEFT + column * COLUMN_WIDTH
}

function laneTop(lane: number): number {
  return MARGIN_TOP + lane * LANE_HEIGHT
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
