/** A lane diagram as data: lanes, the steps that happen in them, what lasts from step to step, and arrows between lanes. */

/** The symbol at a step. */
export type Mark =
  | 'campaign'
  | 'commit'
  | 'crash'
  | 'effect'
  | 'failure'
  | 'fault'
  | 'install'
  | 'leader'
  | 'membership'
  | 'start'
  | 'step-down'
  | 'stop'
  | 'truncate'

/**
 * What a lane looks like: `band` has one span at a time, `bars` has spans that may overlap, `notes` has marks with their texts, and `card` is
 * not drawn and only has a state.
 */
export type LaneKind = 'band' | 'bars' | 'card' | 'notes'

export interface Lane {
  readonly name: string
  readonly kind: LaneKind
  /** The lines of its card, which shows its state at the cursor; a lane without fields has no card. */
  readonly fields: readonly Field[]
}

/** A line of a card. A wide one has a row of its own, and a folded one shows its beginning until the reader opens it. Folded ones come last. */
export interface Field {
  readonly name: string
  readonly width: 'narrow' | 'wide' | 'folded'
}

/** The state of a lane. `values` belong to the fields of the lane. */
export interface LaneState {
  readonly badge: string
  readonly values: readonly string[]
  /** The log, or another list: a text and a class for each cell. */
  readonly cells: readonly (readonly [text: string, kind: string])[]
}

export interface DiagramStep {
  /** The offset of its lane. */
  readonly lane: number
  /** The time, in the unit of the diagram. */
  readonly at: number
  /** The time and number of the event, as a reader sees them. */
  readonly label: string
  readonly text: string
  readonly mark: Mark | undefined
  /** A few characters beside the mark. */
  readonly markLabel: string
  /** In a lane of bars, the span at which the mark stands. */
  readonly span?: Span | undefined
  /** Whether the reader may leave out this step, as with heartbeats. */
  readonly isMinor: boolean
  /** The states that changed, by lane. */
  readonly states: readonly (readonly [lane: number, state: LaneState])[]
}

/** Something that lasts. Positions are offsets of steps, and may lie between two of them. */
export interface Span {
  readonly lane: number
  readonly from: number
  readonly to: number
  /** A class that the style sheet knows. */
  readonly kind: string
  /** A number that selects the color of a band. */
  readonly color: number
  readonly label: string
  readonly title: string
}

export interface Arrow {
  readonly fromLane: number
  readonly toLane: number
  readonly from: number
  /** The step at which it arrived or was lost; undefined if it is still on its way. */
  readonly step: number | undefined
  readonly isLost: boolean
  readonly isMinor: boolean
  /** A class that the style sheet knows. */
  readonly kind: string
  readonly title: string
}

export interface LaneDiagram {
  readonly title: string
  readonly sentences: readonly string[]
  readonly lanes: readonly Lane[]
  readonly steps: readonly DiagramStep[]
  readonly spans: readonly Span[]
  readonly arrows: readonly Arrow[]
  /** The step at which the cursor starts, and whether it is a failure. */
  readonly start: number
  readonly hasFailure: boolean
  /** Whether the distance of two steps grows with the time between them. */
  readonly isTimed: boolean
  /** The name of the minor steps; undefined if there are none. */
  readonly minorName: string | undefined
  /** How to read the diagram, in a few sentences for one who has never seen it. */
  readonly reading: string
  /** What distances mean, under the legend. */
  readonly scale: string
  /** For the legend: classes of spans, arrows and cells, with their meaning. In that of a mark, `…` stands for its label. */
  readonly legend: readonly (readonly [shape: 'span' | 'arrow' | 'cell' | 'mark', kind: string, meaning: string])[]
  /** What happened before the first step, and how much of it is listed. */
  readonly earlier: { readonly summary: string; readonly lines: readonly string[] } | undefined
  /** Texts at the end of the page. */
  readonly appendices: readonly { readonly title: string; readonly text: string }[]
}
