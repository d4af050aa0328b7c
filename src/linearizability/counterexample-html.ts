/** Formats a counterexample as a self-contained HTML page: a diagram of the calls, with a cursor over their starts, effects and answers. */
import type { DiagramStep, Field, LaneDiagram, LaneState, Span } from '../lane-diagram/diagram.ts'
import { diagramPage } from '../lane-diagram/page.ts'
import { shortened } from '../lane-diagram/text.ts'
import type { Counterexample } from './counterexample.ts'
import { counterexampleText, explanationSentences, latestCalls } from './counterexample-text.ts'
import { formatAnswer, formatOperation, formatValue } from './format.ts'
import type { Interval } from './interval.ts'

/** The maximum number of calls drawn. The latest are drawn. */
const CALLS_MAX = 200
/** The maximum number of letters of a call, result or state. */
const LETTERS_MAX = 300
const LABEL_LETTERS_MAX = 60

/** The lane that is not a client: the state of the model. */
const MODEL_LANE = 0

const LEGEND: LaneDiagram['legend'] = [
  ['span', 'call', 'call, from its start to its answer'],
  ['span', 'open', 'call that was not yet answered'],
  ['span', 'culprit', 'call whose answer is impossible'],
  ['mark', 'effect', 'takes effect, with its number in an order that explains the earlier answers'],
]
const READING =
  'Each row is a client, each bar a call and its answer. A green dot is the instant at which a call takes effect, in an order that explains all answers but the red one. Step with ← and →.'
const SCALE = 'Columns are starts, effects and answers of calls, not to scale.'

/** A start, an effect or an answer of a call. */
interface Happening<Operation, Result> {
  readonly type: 'start' | 'effect' | 'answer'
  readonly at: number
  readonly interval: Interval<Operation, Result>
  /** For an effect: its number in the order, the result, and the state after it. */
  readonly number: number
  readonly result: string
  readonly state: string
}

export function counterexampleHtml<State, Operation, Result>(found: Counterexample<State, Operation, Result>): string {
  return diagramPage(counterexampleDiagram(found))
}

function counterexampleDiagram<State, Operation, Result>(found: Counterexample<State, Operation, Result>): LaneDiagram {
  const shown = latestCalls(found, CALLS_MAX)
  const clients = [...new Set(shown.map(({ call }) => call.client))]
  const happenings = happeningsOf(found, shown)
  const laneOf = ({ call }: Interval<Operation, Result>): number => clients.indexOf(call.client) + 1
  const spans = new Map(
    shown.map((interval) => [interval, spanOf(interval, found.culprit, laneOf(interval), happenings)]),
  )
  const isFailure = ({ type, interval }: Happening<Operation, Result>): boolean =>
    type === 'answer' && interval === found.culprit
  return {
    title: 'Not linearizable',
    sentences: explanationSentences(found),
    lanes: [
      { name: 'model', kind: 'card', fields: fieldsOf(['calls', 'last call', 'returned', 'state']) },
      ...clients.map((client) => ({
        name: `client ${client}`,
        kind: 'bars' as const,
        fields: fieldsOf(['call', 'answer']),
      })),
    ],
    steps: happenings.map((happening) => {
      const lane = laneOf(happening.interval)
      return stepOf(happening, { lane, span: spans.get(happening.interval), isFailure: isFailure(happening) })
    }),
    ...{ spans: [...spans.values()], arrows: [], start: happenings.findIndex(isFailure), hasFailure: true },
    ...{
      isTimed: false,
      minorName: undefined,
      legend: LEGEND,
      reading: READING,
      scale: SCALE,
      earlier: earlierOf(found, shown.length),
    },
    appendices: [{ title: 'As text', text: counterexampleText(found) }],
  }
}

function fieldsOf(names: readonly string[]): Field[] {
  return names.map((name) => ({ name, width: 'wide' }))
}

function earlierOf<State, Operation, Result>(
  { window }: Counterexample<State, Operation, Result>,
  count: number,
): LaneDiagram['earlier'] {
  if (count === window.length) return undefined
  return { summary: `The latest ${count} of ${window.length} calls are drawn`, lines: [] }
}

/** In order of time. At one instant calls start, take effect, and are answered: calls that touch are concurrent. */
function happeningsOf<State, Operation, Result>(
  { precedingOrder = [], culprit }: Counterexample<State, Operation, Result>,
  shown: readonly Interval<Operation, Result>[],
): Happening<Operation, Result>[] {
  const none = { number: 0, result: '', state: '' }
  const known = new Map(shown.map((interval) => [interval.call, interval]))
  const starts = shown.map((interval) => ({ type: 'start' as const, at: interval.from, interval, ...none }))
  const answers = shown
    .filter(({ to }) => to <= culprit.to)
    .map((interval) => ({ type: 'answer' as const, at: interval.to, interval, ...none }))
  let at = Number.NEGATIVE_INFINITY
  const effects = precedingOrder.flatMap(({ interval: { call, from }, result, state }, offset) => {
    // The earliest instant that the order allows.
    at = Math.max(at, from)
    const interval = known.get(call)
    if (interval === undefined) return []
    const texts = { result: formatValue(result), state: formatValue(state) }
    return [{ type: 'effect' as const, at, interval, number: offset + 1, ...texts }]
  })
  // Sorting is stable: at one instant this order remains.
  return [...starts, ...effects, ...answers].sort((one, other) => one.at - other.at)
}

function spanOf<Operation, Result>(
  interval: Interval<Operation, Result>,
  culprit: Interval<Operation, Result>,
  lane: number,
  happenings: readonly Happening<Operation, Result>[],
): Span {
  const { call, to } = interval
  const find = (type: 'start' | 'answer'): number =>
    happenings.findIndex((each) => each.type === type && each.interval === interval)
  const end = find('answer')
  const isOpen = end === -1
  const label = shortened(`${formatOperation(call.operation)} ${isOpen ? '?' : formatAnswer(call)}`, LETTERS_MAX)
  const when = `called at ${call.calledAt}, ${isOpen ? 'not yet answered' : `answered at ${to}`}`
  return {
    ...{ lane, from: find('start'), to: isOpen ? happenings.length : end, color: 0, label },
    kind: interval === culprit ? 'culprit' : isOpen ? 'open' : 'call',
    title: `client ${call.client}: ${label}, ${when}`,
  }
}

interface StepPlace {
  readonly lane: number
  readonly span: Span | undefined
  readonly isFailure: boolean
}

function stepOf<Operation, Result>(
  { type, at, interval, number, result, state }: Happening<Operation, Result>,
  { lane, span, isFailure }: StepPlace,
): DiagramStep {
  const { call } = interval
  const operation = shortened(formatOperation(call.operation), LETTERS_MAX)
  const answer = shortened(formatAnswer(call), LETTERS_MAX)
  const texts = {
    start: `calls ${operation}`,
    effect: `${operation} takes effect as number ${number} and returns ${shortened(result, LETTERS_MAX)}`,
    answer: `${operation} returned ${answer}${isFailure ? ', which no order explains' : ''}`,
  }
  const states: Readonly<Record<typeof type, readonly (readonly [number, LaneState])[]>> = {
    start: [[lane, { badge: 'calling', values: [operation, '?'], cells: [] }]],
    effect: [
      [
        MODEL_LANE,
        {
          badge: '',
          values: [String(number), `client ${call.client} ${operation}`, result, state].map((text) =>
            shortened(text, LETTERS_MAX),
          ),
          cells: [],
        },
      ],
    ],
    answer: [[lane, { badge: 'answered', values: [operation, answer], cells: [] }]],
  }
  return {
    ...{ lane, at, label: `at ${at}`, text: texts[type], isMinor: false, span, states: states[type] },
    mark: isFailure ? 'failure' : type === 'effect' ? 'effect' : undefined,
    markLabel: isFailure
      ? shortened(`${operation} returned ${answer}: impossible`, LABEL_LETTERS_MAX)
      : type === 'effect'
        ? String(number)
        : '',
  }
}
