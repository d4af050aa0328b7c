/** Computes where the lanes and steps of a lane diagram are drawn, in pixels. */
import type { LaneDiagram, Span } from './diagram.ts'

export const LETTER_WIDTH = 6.8
export const BAND_HEIGHT = 18
/** Space above the band of a lane, for marks. */
export const BAND_TOP = 26
const BAND_LANE_HEIGHT = 76
const NOTES_LANE_HEIGHT = 48
/** The distance of two bars of a lane, which shrinks so that the lane does not get higher than this, but not without end. */
const BAR_PITCH_MAX = 27
const BAR_PITCH_MIN = 4
const BARS_HEIGHT_MAX = 132
const BAR_HEIGHT_MAX = 20
const BARS_MARGIN = 12
const MARGIN = 24
/** Times, and the flag of the cursor below them. */
const AXIS_HEIGHT = 40
/** Space after a failure, so that it can be scrolled to the middle. Its label stands there. */
const AFTER_FAILURE = 600
const UNIFORM_GAP = 26
const GAP_MIN = 9
const GAP_MAX = 64
/** The distance of two steps at the same time. */
const SAME_TIME_GAP = 6
/** Pixels for the square root of a millisecond: bursts get space, and idle times do not get much. */
const GAP_PER_ROOT = 7
/** A diagram with few steps is stretched up to this factor, towards this width. */
const STRETCH_MAX = 4
const WIDTH_MIN = 1000
const MICROSECONDS = 1000

export interface PlacedSpan {
  readonly span: Span
  readonly row: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** The x of a position: an offset of a step, or between two of them. */
  x(position: number): number
  readonly tops: readonly number[]
  readonly heights: readonly number[]
  readonly spans: readonly PlacedSpan[]
  /** The height of a bar in each lane of bars. */
  readonly bars: readonly number[]
  readonly pitches: readonly number[]
  /** Where arrows start and end. */
  middle(lane: number): number
}

export function layoutOf(diagram: LaneDiagram): Layout {
  const { lanes, steps, spans, isTimed, hasFailure } = diagram
  const xs = [MARGIN]
  for (let offset = 1; offset < steps.length; offset++) {
    const gap = isTimed ? timedGap((steps[offset]?.at ?? 0) - (steps[offset - 1]?.at ?? 0)) : UNIFORM_GAP
    xs.push((xs[offset - 1] as number) + gap)
  }
  const stretch = Math.min(STRETCH_MAX, Math.max(1, WIDTH_MIN / (xs[xs.length - 1] as number)))
  for (const [offset, each] of xs.entries()) xs[offset] = MARGIN + (each - MARGIN) * stretch
  const last = xs[xs.length - 1] as number
  const x = (position: number): number => {
    if (position < 0) return 0
    if (position >= xs.length - 1) return Math.min(last + (position - xs.length + 1) * MARGIN, last + MARGIN)
    const before = Math.floor(position)
    const [from, to] = [xs[before] as number, xs[before + 1] as number]
    return round(from + (to - from) * (position - before))
  }
  const { placed, rows } = packed(diagram, spans)
  const pitches = rows.map((count) => Math.max(BAR_PITCH_MIN, Math.min(BAR_PITCH_MAX, BARS_HEIGHT_MAX / count)))
  const bars = pitches.map((pitch) => Math.min(BAR_HEIGHT_MAX, pitch - (pitch > 8 ? 2 : 1)))
  const heights = lanes.map(({ kind }, lane) => {
    if (kind === 'notes' || kind === 'card') return kind === 'card' ? 0 : NOTES_LANE_HEIGHT
    return kind === 'band' ? BAND_LANE_HEIGHT : round((rows[lane] ?? 1) * (pitches[lane] ?? 0) + BARS_MARGIN)
  })
  const tops = heights.map((_, lane) => AXIS_HEIGHT + heights.slice(0, lane).reduce((sum, height) => sum + height, 0))
  const height = AXIS_HEIGHT + heights.reduce((sum, each) => sum + each, 0)
  const middle = (lane: number): number => (tops[lane] ?? 0) + BAND_TOP + BAND_HEIGHT / 2
  const width = round(last + 2 * MARGIN + (hasFailure ? AFTER_FAILURE : 0))
  return { width, height, x, tops, heights, spans: placed, bars, pitches, middle }
}

export function barTop({ tops, pitches }: Layout, { span, row }: PlacedSpan): number {
  return round((tops[span.lane] ?? 0) + BARS_MARGIN / 2 + row * (pitches[span.lane] ?? 0))
}

/** Assigns rows to the spans of each lane of bars, so that none overlap. */
function packed(
  { lanes }: LaneDiagram,
  spans: readonly Span[],
): { readonly placed: PlacedSpan[]; readonly rows: number[] } {
  const free: number[][] = lanes.map(() => [])
  const placed = [...spans]
    .sort((one, other) => one.from - other.from)
    .map((span): PlacedSpan => {
      const ends = free[span.lane] ?? []
      if (lanes[span.lane]?.kind !== 'bars') return { span, row: 0 }
      const reusable = ends.findIndex((end) => end <= span.from)
      const row = reusable === -1 ? ends.length : reusable
      ends[row] = span.to + 1
      return { span, row }
    })
  return { placed, rows: free.map((ends) => Math.max(1, ends.length)) }
}

function timedGap(us: number): number {
  if (us <= 0) return SAME_TIME_GAP
  return Math.min(GAP_MAX, GAP_MIN + GAP_PER_ROOT * Math.sqrt(us / MICROSECONDS))
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10
}
