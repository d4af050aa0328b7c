/** Collects the end of a run for its diagram: steps, messages, spans of roles, calls, and the state of each node. Its size is bounded. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Message } from '../../core/messages.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { LogIndex, NodeId } from '../../core/types.ts'
import type { LaneState, Mark } from '../../lane-diagram/diagram.ts'
import type { ClusterView } from '../properties/cluster-view.ts'
import type { Observation } from '../properties/observation.ts'
import { PropertyViolation } from '../properties/property.ts'
import type { ChangeMark } from './change-marks.ts'
import { ChangeMarks } from './change-marks.ts'
import { MachineHistory } from './machine-history.ts'
import { describeChanges, nodeStateOf } from './node-states.ts'
import { TrivialMessages } from './trivial-messages.ts'

/** The number of steps that a diagram shows: the last ones of the run. */
export const STEPS_MAX = 1000
/** In a long run, heartbeats before the last so many steps are left out. */
const RECENT_STEPS = 300
/** The number of lines about what happened before them: the last ones. */
export const EARLIER_LINES_MAX = 100
/** The number of letters of a text in a diagram. */
export const LETTERS_MAX = 300

const NO_STATES: ReadonlyMap<NodeId, RecordedState> = new Map()
/** The parts of a status that a card shows. */
const SHOWN = [
  ...(['role', 'term', 'votedFor', 'leader', 'lastIndex', 'lastTerm', 'commitIndex', 'appliedIndex'] as const),
  ...(['snapshotIndex', 'persistedIndex', 'membershipIndex', 'stopped'] as const),
]

/** The lanes that are not nodes. */
export const RUN_LANE = 'run'
export const CALLS_LANE = 'calls'

export interface RecordedStep {
  /** Its number in the run. */
  readonly number: number
  readonly event: number
  readonly timeUs: number
  readonly lane: string
  readonly text: string
  mark: Mark | undefined
  markLabel: string
  isMinor: boolean
  states: ReadonlyMap<NodeId, RecordedState>
}

/** The state of a node, and where that of the user's machine can be found, if there is one. */
export interface RecordedState extends LaneState {
  readonly machine: { readonly history: MachineHistory; readonly index: LogIndex } | undefined
}

/** `sentAfter` and `step` are numbers of steps. */
export interface RecordedMessage {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message | PeerMessage
  readonly sentUs: number
  readonly sentAfter: number
  step: number | undefined
  isLost: boolean
  isMinor: boolean
}

export interface RecordedSpan {
  readonly lane: string
  readonly kind: string
  readonly color: number
  readonly label: string
  title: string
  readonly from: number
  to: number | undefined
}

/** The end of a run. Spans and messages name steps by their numbers, also those that are no longer in `steps`. */
export interface RecordedRun {
  readonly steps: readonly RecordedStep[]
  readonly messages: readonly RecordedMessage[]
  readonly spans: readonly RecordedSpan[]
  /** The states before the first step. */
  readonly baseStates: ReadonlyMap<NodeId, RecordedState>
  /** What happened before, as lines: the last important ones. */
  readonly earlier: readonly string[]
  /** The number of steps before the first one, and of heartbeats that were left out. */
  readonly dropped: number
  readonly omittedHeartbeats: number
  readonly failureStep: number | undefined
}

interface Sent {
  readonly us: number
  readonly after: number
  readonly message: RecordedMessage
}

/** The time of the run, as its clock says. */
export interface RunTime {
  readonly executed: number
  readonly nowUs: number
}

export class RunRecorder {
  readonly #time: RunTime
  readonly #view: ClusterView
  readonly #marks = new ChangeMarks()
  readonly #trivial = new TrivialMessages()
  /** The number of the next step. */
  next = 0
  #omittedHeartbeats = 0
  #dropped = 0
  #steps: RecordedStep[] = []
  #messages: RecordedMessage[] = []
  #spans: RecordedSpan[] = []
  readonly #roles = new Map<string, RecordedSpan>()
  readonly #calls = new Map<number, { readonly span: RecordedSpan; readonly isWrite: boolean }>()
  /** By receiver: several nodes may receive the same message object. */
  readonly #sent = new WeakMap<Message | PeerMessage, Map<NodeId, Sent>>()
  readonly #lastStatuses = new Map<NodeId, RaftStatus>()
  /** What the current machine of each process did. */
  readonly #histories = new Map<NodeId, MachineHistory>()
  readonly #lastStates = new Map<NodeId, { readonly state: LaneState; readonly text: string }>()
  /** The states before the first step kept. */
  readonly #baseStates = new Map<NodeId, RecordedState>()
  readonly #earlier: string[] = []
  #failureStep: number | undefined

  constructor(time: RunTime, view: ClusterView) {
    this.#time = time
    this.#view = view
  }

  /** The end of the run. */
  get recorded(): RecordedRun {
    if (this.next === 0) this.add('-', 'nothing has happened yet')
    this.#trim()
    return {
      ...{ steps: this.#steps, messages: this.#messages, spans: this.#spans, baseStates: this.#baseStates },
      ...{ earlier: this.#earlier, dropped: this.#dropped, omittedHeartbeats: this.#omittedHeartbeats },
      failureStep: this.#failureStep,
    }
  }

  /** From here on, the process has a new machine. */
  machineMade(process: NodeId): MachineHistory {
    const history = new MachineHistory()
    this.#histories.set(process, history)
    return history
  }

  /** Adds a step for a line of the trace. */
  add(node: string, text: string): RecordedStep {
    const lane = node === '-' ? (text.startsWith('.') ? CALLS_LANE : RUN_LANE) : node
    const step: RecordedStep = {
      number: this.next++,
      event: this.#time.executed,
      timeUs: this.#time.nowUs,
      lane,
      text: text.length > LETTERS_MAX ? `${text.slice(0, LETTERS_MAX)}…` : text,
      mark: text.startsWith('! ') ? 'fault' : undefined,
      markLabel: '',
      isMinor: false,
      states: NO_STATES,
    }
    this.#steps.push(step)
    if (this.#steps.length >= 2 * STEPS_MAX) this.#trim()
    return step
  }

  #remember({ from, to, message }: Observation & { type: 'sent' }): void {
    const byReceiver = this.#sent.get(message) ?? new Map<NodeId, Sent>()
    this.#sent.set(message, byReceiver)
    const [us, after] = [this.#time.nowUs, this.next - 1]
    const recorded = this.#message(from, to, message, { us, after })
    byReceiver.set(to, { us, after, message: recorded })
  }

  /** The last step is the arrival of this message. */
  delivered(from: NodeId, to: NodeId, message: Message | PeerMessage): void {
    const recorded = this.#ended(from, to, message)
    recorded.isMinor = this.#trivial.isTrivial(from, to, message)
    const step = this.#steps[this.#steps.length - 1]
    if (step !== undefined) step.isMinor = recorded.isMinor
  }

  /** The last step is the loss of this message. */
  lost(from: NodeId, to: NodeId, message: Message | PeerMessage): void {
    this.#ended(from, to, message).isLost = true
  }

  /** Sees an observation after the view and the trace; its first line in the trace, if any, is the step `firstStep`. */
  observe(observation: Observation, firstStep: number): void {
    if (observation.type === 'invoked') return this.#openCall(observation, firstStep)
    if (observation.type === 'returned') return this.#closeCall(observation, firstStep)
    if (observation.type === 'sent') return this.#remember(observation)
    if (observation.type === 'ended') return
    const { node } = observation
    if (observation.type === 'applied') return this.#showMachine(node, firstStep)
    if (observation.type === 'stepped' && !this.#showsChange(observation)) return
    const change = this.#marks.of(observation)
    const state = nodeStateOf(this.#view.node(node))
    const text = JSON.stringify(state)
    const last = this.#lastStates.get(node)
    if (change === undefined && last?.text === text) return
    const step =
      this.#stepOf(node, firstStep, change) ?? this.add(node, change?.text ?? describeChanges(last?.state, state))
    if (change !== undefined) {
      step.mark = change.mark
      step.markLabel = change.label
    }
    this.#lastStates.set(node, { state, text })
    step.states = new Map([...step.states, [node, { ...state, machine: this.#machineOf(node) }]])
    step.isMinor = false
    this.#follow(node, state, step.number)
  }

  /** The user's machine has applied a command, of which the core learns later. */
  #showMachine(node: NodeId, firstStep: number): void {
    const last = this.#lastStates.get(node)
    const machine = this.#machineOf(node)
    if (last === undefined || machine === undefined) return
    const step = this.#stepOf(node, firstStep, undefined)
    if (step !== undefined) step.states = new Map([...step.states, [node, { ...last.state, machine }]])
  }

  /** The user's machine, if its process is running. */
  #machineOf(node: NodeId): RecordedState['machine'] {
    const history = this.#histories.get(node)
    return history === undefined || !this.#view.node(node).isUp ? undefined : { history, index: history.lastIndex }
  }

  /** The run has failed, at the last observation of this node if there was one. */
  failed(error: unknown, node: string | undefined): void {
    if (this.#failureStep !== undefined) return
    const words =
      error instanceof PropertyViolation
        ? `${error.property.id} ${error.property.name} is violated: ${error.detail}`
        : String(error instanceof Error ? `${error.name}: ${error.message}` : error)
    const step = this.add(node ?? '-', words.split('\n', 1)[0] as string)
    step.mark = 'failure'
    step.markLabel = error instanceof PropertyViolation ? `${error.property.id} is violated` : 'failed'
    this.#failureStep = this.next - 1
  }

  /** Whether a step of a core changes what a card shows, or had events. It saves the making of most cards. */
  #showsChange({ node, effects, status }: Observation & { type: 'stepped' }): boolean {
    const before = this.#lastStatuses.get(node)
    this.#lastStatuses.set(node, status)
    if (before === undefined || effects.persist !== undefined || effects.events.length > 0) return true
    return SHOWN.some((field) => before[field] !== status[field])
  }

  /** The step at which an observation shows: its own first line, or the line before, if that is of the same event and node. */
  #stepOf(node: NodeId, firstStep: number, change: ChangeMark | undefined): RecordedStep | undefined {
    const own = this.#steps[this.#steps.length - (this.next - firstStep)]
    if (own !== undefined) return own
    const last = this.#steps[this.#steps.length - 1]
    if (last?.lane !== node || last.event !== this.#time.executed) return undefined
    return change === undefined || last.mark === undefined ? last : undefined
  }

  #message(
    from: NodeId,
    to: NodeId,
    message: Message | PeerMessage,
    sent: { us: number; after: number },
  ): RecordedMessage {
    const { us: sentUs, after: sentAfter } = sent
    const recorded = { from, to, message, sentUs, sentAfter, step: undefined, isLost: false, isMinor: false }
    this.#messages.push(recorded)
    return recorded
  }

  /** The arrow that ends at the last step. A second copy of a message gets an arrow of its own. */
  #ended(from: NodeId, to: NodeId, message: Message | PeerMessage): RecordedMessage {
    const sent = this.#sent.get(message)?.get(to) ?? this.#sent.get(message)?.get(to.replace(/'$/, ''))
    const { us = this.#time.nowUs, after = this.next - 1 } = sent ?? {}
    const isCopy = sent === undefined || sent.message.step !== undefined
    const recorded = isCopy ? this.#message(from, to, message, { us, after }) : sent.message
    recorded.step = this.next - 1
    return recorded
  }

  #openCall({ call, node, what, command }: Observation & { type: 'invoked' }, from: number): void {
    const { texts } = this.#view
    const isWrite = what === 'write'
    const shown = isWrite ? texts.command(command) : texts.query(command)
    const span = {
      ...{ lane: CALLS_LANE, kind: 'open', color: 0, label: `${command} → ${node}`, from, to: undefined },
      title: `call ${call}: ${what} ${shown} on ${node}, not answered`,
    }
    this.#calls.set(call, { span, isWrite })
    this.#spans.push(span)
  }

  #closeCall(returned: Observation & { type: 'returned' }, to: number): void {
    const called = this.#calls.get(returned.call)
    this.#calls.delete(returned.call)
    if (called === undefined) return
    const { span: open, isWrite } = called
    const { texts } = this.#view
    const { outcome, index, result } = returned
    const kind = outcome === 'applied' ? 'call' : outcome === 'unknown' ? 'open' : 'rejected'
    const answer = result === undefined ? '' : `: ${isWrite ? texts.result(result) : texts.answer(result)}`
    const title = open.title.replace(/, not answered$/, `, ${outcome} at ${index}${answer}`).slice(0, LETTERS_MAX)
    this.#spans[this.#spans.indexOf(open)] = { ...open, kind, to, title }
  }

  /** Keeps one span for as long as role and term of a node stay the same. */
  #follow(node: NodeId, { badge, values }: LaneState, at: number): void {
    const role = badge.startsWith('stopped') ? 'down' : badge
    const term = Number(values[0]) || 0
    const current = this.#roles.get(node)
    if (current?.kind === role && current.color === term) return
    if (current !== undefined) current.to = at
    const label = role === 'down' ? badge : `${badge}, term ${values[0]}`
    const span = { lane: node, kind: role, color: term, label, title: `${node}: ${label}`, from: at, to: undefined }
    this.#roles.set(node, span)
    this.#spans.push(span)
  }

  /** Leaves out old heartbeats, then the first steps, and what ended before the others. */
  #trim(): void {
    if (this.#steps.length <= STEPS_MAX) return
    const recent = this.#steps.length - RECENT_STEPS
    const kept = this.#steps.filter(({ isMinor }, offset) => offset >= recent || !isMinor)
    this.#omittedHeartbeats += this.#steps.length - kept.length
    const dropped = kept.splice(0, Math.max(0, kept.length - STEPS_MAX))
    this.#dropped += dropped.length
    this.#steps = kept
    const first = kept[0]?.number ?? 0
    const numbers = new Set(kept.map(({ number }) => number))
    this.#messages = this.#messages.filter(({ step, sentAfter }) =>
      step === undefined ? sentAfter >= first : numbers.has(step),
    )
    this.#spans = this.#spans.filter(({ to }) => to === undefined || to > first)
    for (const step of dropped) {
      for (const [node, state] of step.states) this.#baseStates.set(node, state)
      if (step.mark !== undefined && step.mark !== 'commit') this.#earlier.push(earlierLine(step))
    }
    this.#earlier.splice(0, this.#earlier.length - EARLIER_LINES_MAX)
  }
}

function earlierLine({ event, timeUs, lane, text }: RecordedStep): string {
  return `${String(event).padStart(7)}  ${(timeUs / 1000).toFixed(3).padStart(11)} ms  ${lane.padEnd(5)}  ${text}`
}
