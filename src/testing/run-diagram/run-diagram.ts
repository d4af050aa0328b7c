/** The lane diagram of a run: a lane for each node over virtual time, one for the calls of clients, and one for faults. */
import type { Arrow, DiagramStep, LaneDiagram, Span } from '../../lane-diagram/diagram.ts'
import { diagramPage } from '../../lane-diagram/page.ts'
import { shortened } from '../../lane-diagram/text.ts'
import { idOf } from '../properties/processes.ts'
import { PropertyViolation } from '../properties/property.ts'
import type { MachineUnderTest } from '../state-machine/machine-under-test.ts'
import { formatMessage } from '../text/format-message.ts'
import { MACHINE_FIELD, MachineStates } from './machine-states.ts'
import { FIELDS } from './node-states.ts'
import type {
  RecordedMessage,
  RecordedRun,
  RecordedSpan,
  RecordedState,
  RecordedStep,
  RunRecorder,
} from './run-recorder.ts'
import { CALLS_LANE, EARLIER_LINES_MAX, LETTERS_MAX, RUN_LANE } from './run-recorder.ts'

/** How much of the words of a failure the top of the page shows, and how much its end. */
const HEAD_LINES_MAX = 4
const HEAD_LETTERS_MAX = 1000
const FAILURE_LETTERS_MAX = 20_000

/** What the page says about the run besides what was recorded. */
export interface RunFacts {
  readonly seed: number
  readonly failure: unknown
  /** The number of events and the time at the end of the run. */
  readonly events: number
  readonly timeUs: number
  /** The run file, for the end of the page. */
  readonly runFile: string | undefined
  /** The user's machine. */
  readonly machine: MachineUnderTest | undefined
}

const LEGEND: LaneDiagram['legend'] = [
  ['span', 'leader', 'leader'],
  ['span', 'candidate', 'candidate'],
  ['span', 'pre-candidate', 'pre-candidate'],
  ['span', 'follower', 'follower'],
  ['span', 'down', 'down'],
  ['arrow', 'append', 'AppendEntries'],
  ['arrow', 'vote', 'votes'],
  ['arrow', 'snapshot', 'snapshot'],
  ['arrow', 'other', 'other messages'],
  ['arrow', 'lost', 'lost'],
  ['arrow', 'open', 'still on its way'],
  ['mark', 'leader', 'becomes leader of term …'],
  ['mark', 'campaign', 'asks for votes in term …'],
  ['mark', 'step-down', 'steps down'],
  ['mark', 'commit', 'commit index rises to …'],
  ['mark', 'install', 'snapshot installed'],
  ['mark', 'truncate', 'log truncated'],
  ['mark', 'membership', 'membership'],
  ['mark', 'crash', 'crashes'],
  ['mark', 'start', 'starts'],
  ['mark', 'stop', 'stops for good'],
  ['mark', 'fault', 'fault'],
  ['cell', 'applied', 'applied entry'],
  ['cell', 'committed', 'committed'],
  ['cell', 'persisted', 'durable'],
  ['cell', 'unwritten', 'not durable yet'],
]

const READING =
  'Time runs to the right. Each row is a node: its text is the role, its color the term. Arrows are messages. Below are the calls of clients. Step with ← and →.'
const SCALE =
  'Distances grow with the square root of the time between two events. Numbers (#) are those of the trace, and of quorate replay --until. A color is a term.'

/** The end of the run as a page. */
export async function runPage(recorder: RunRecorder, nodes: readonly string[], facts: RunFacts): Promise<string> {
  const { recorded } = recorder
  const { machine } = facts
  const shown = machine === undefined ? undefined : await MachineStates.of(recorded, machine)
  return diagramPage(runDiagram(recorded, nodes, facts, shown))
}

function runDiagram(
  recorded: RecordedRun,
  nodes: readonly string[],
  facts: RunFacts,
  machines: MachineStates | undefined,
): LaneDiagram {
  const fields = machines === undefined ? FIELDS : [...FIELDS, MACHINE_FIELD]
  const { steps, messages, spans, baseStates, failureStep } = recorded
  const hasCalls = spans.some(({ lane }) => lane === CALLS_LANE)
  const names = [RUN_LANE, ...processLanes(nodes, steps), ...(hasCalls ? [CALLS_LANE] : [])]
  const laneOf = (name: string): number => Math.max(0, names.indexOf(name))
  const positions = new Positions(steps)
  const start = failureStep === undefined ? steps.length - 1 : Math.max(0, positions.of(failureStep))
  return {
    title: titleOf(facts),
    sentences: sentencesOf(facts),
    lanes: names.map((name) => ({
      name,
      kind: name === RUN_LANE ? 'notes' : name === CALLS_LANE ? 'bars' : 'band',
      fields: name === RUN_LANE || name === CALLS_LANE ? [] : fields,
    })),
    steps: steps.map((step, offset) => {
      const states = new Map([...(offset === 0 ? baseStates : []), ...step.states])
      return diagramStep(step, shownStates(states, machines, laneOf), laneOf)
    }),
    spans: spans.map((span) => diagramSpan(span, positions, laneOf)),
    arrows: messages.map((message) => diagramArrow(message, positions, laneOf)),
    ...{ start, hasFailure: facts.failure !== undefined, isTimed: true },
    ...{ reading: READING, scale: SCALE },
    ...{ minorName: 'heartbeats', legend: LEGEND, earlier: earlierOf(recorded) },
    appendices: appendicesOf(facts),
  }
}

function titleOf({ failure, events }: RunFacts): string {
  if (failure === undefined) return `Every property holds until event ${events}`
  if (failure instanceof PropertyViolation) return `${failure.property.id} ${failure.property.name} is violated`
  return failure instanceof Error ? `The run failed: ${failure.name}` : 'The run failed'
}

function sentencesOf({ failure, seed, events, timeUs }: RunFacts): string[] {
  const where = `A simulated run with seed ${seed}, until event ${events} at ${timeUs / 1000} ms of virtual time.`
  if (failure === undefined) return [where]
  const { head } = wordsOf(failure)
  if (failure instanceof PropertyViolation) return [failure.property.statement, `Violated by: ${head}`, where]
  return [head, where]
}

/** The words of a failure, and what the top of the page shows of them: a stack trace or a table stands at its end. */
function wordsOf(failure: unknown): { readonly head: string; readonly whole: string } {
  const words =
    failure instanceof PropertyViolation
      ? failure.detail
      : failure instanceof Error
        ? (failure.stack ?? failure.message)
        : String(failure)
  const whole = shortened(words, FAILURE_LETTERS_MAX)
  const [paragraph = ''] = whole.split('\n\n', 1)
  return { head: shortened(paragraph.split('\n').slice(0, HEAD_LINES_MAX).join('\n'), HEAD_LETTERS_MAX), whole }
}

function appendicesOf({ failure, runFile }: RunFacts): LaneDiagram['appendices'] {
  const { head, whole } = wordsOf(failure)
  return [
    ...(failure === undefined || head === whole ? [] : [{ title: 'The whole failure', text: whole }]),
    ...(runFile === undefined ? [] : [{ title: 'Run file', text: runFile }]),
  ]
}

function earlierOf({ steps, earlier, dropped, omittedHeartbeats }: RecordedRun): LaneDiagram['earlier'] {
  const [first] = steps
  if (first === undefined || dropped + omittedHeartbeats === 0) return undefined
  const heartbeats = `${omittedHeartbeats} earlier heartbeats are not drawn`
  if (dropped === 0) return { summary: heartbeats, lines: [] }
  const before = `${dropped} events before #${first.event}, at ${first.timeUs / 1000} ms`
  const which =
    earlier.length === EARLIER_LINES_MAX ? `the last ${EARLIER_LINES_MAX} important ones` : 'the important ones'
  return { summary: `${before}, and ${heartbeats}; ${which} are listed here`, lines: earlier }
}

function diagramStep(step: RecordedStep, states: DiagramStep['states'], laneOf: (name: string) => number): DiagramStep {
  const { event, timeUs, lane, text, mark, markLabel, isMinor } = step
  return {
    ...{
      lane: laneOf(lane),
      at: timeUs,
      label: `#${event} ${(timeUs / 1000).toFixed(2)}`,
      text,
      mark,
      markLabel,
      isMinor,
    },
    states,
  }
}

function shownStates(
  states: ReadonlyMap<string, RecordedState>,
  machines: MachineStates | undefined,
  laneOf: (name: string) => number,
): DiagramStep['states'] {
  return [...states].map(([node, state]) => {
    const { badge, values, cells } = state
    const shown = machines === undefined ? values : [...values, machines.textOf(state)]
    return [laneOf(node), { badge, values: shown, cells }]
  })
}

/** The offsets of steps by their numbers. A step that was left out has the offset of the one before it. */
class Positions {
  readonly #steps: readonly RecordedStep[]

  constructor(steps: readonly RecordedStep[]) {
    this.#steps = steps
  }

  get end(): number {
    return this.#steps.length
  }

  /** -1 if the step was before the first one. */
  of(number: number): number {
    let [from, to] = [0, this.#steps.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#steps[middle]?.number ?? 0) <= number) from = middle + 1
      else to = middle
    }
    return from - 1
  }

  /** The position between two steps at which a message was sent. */
  ofTail({ sentUs, sentAfter }: RecordedMessage): number {
    const before = this.of(sentAfter)
    const [one, next] = [this.#steps[before], this.#steps[before + 1]]
    if (one === undefined || next === undefined || next.timeUs <= one.timeUs || sentUs <= one.timeUs) return before
    return before + (sentUs - one.timeUs) / (next.timeUs - one.timeUs)
  }
}

function diagramSpan(span: RecordedSpan, positions: Positions, laneOf: (name: string) => number): Span {
  const { lane, kind, color, label, title, from, to } = span
  const end = to === undefined ? positions.end : positions.of(to)
  return { lane: laneOf(lane), from: positions.of(from), to: end, kind, color, label, title }
}

function diagramArrow(message: RecordedMessage, positions: Positions, laneOf: (name: string) => number): Arrow {
  const { from, to, step, isLost, isMinor } = message
  const text = formatMessage(from, to, message.message).slice(0, LETTERS_MAX)
  return {
    ...{ fromLane: laneOf(from), toLane: laneOf(to), from: positions.ofTail(message) },
    ...{
      step: step === undefined ? undefined : positions.of(step),
      isLost,
      isMinor,
      kind: kindOf(message.message.type),
    },
    title: `${text}${isLost ? ' (lost)' : ''}, sent at ${(message.sentUs / 1000).toFixed(2)} ms`,
  }
}

function kindOf(type: RecordedMessage['message']['type']): string {
  if (type.startsWith('AppendEntries')) return 'append'
  if (type.startsWith('InstallSnapshot')) return 'snapshot'
  return type.includes('Vote') || type === 'TimeoutNow' ? 'vote' : 'other'
}

/** The lanes of processes: those of the nodes, each followed by the one of its clone if that did something. */
function processLanes(nodes: readonly string[], steps: readonly RecordedStep[]): string[] {
  const lanes = [...new Set(steps.map(({ lane }) => lane))]
  return nodes.flatMap((node) => [node, ...lanes.filter((lane) => lane !== node && idOf(lane) === node)])
}
