/** A fault of a state machine as a page: the commands one by one, the state after each, and the first difference between two machines. */
import type { DiagramStep, Field, LaneDiagram, LaneState, Span } from '../../lane-diagram/diagram.ts'
import { diagramPage } from '../../lane-diagram/page.ts'
import { shortened } from '../../lane-diagram/text.ts'
import type { LogToCheck } from './check-log.ts'
import { machinesOf } from './check-log.ts'
import { machineBefore } from './check-restore.ts'
import { encodeLog } from './check-run.ts'
import { formatValue } from './first-difference.ts'
import { formatBoth, formatBytes } from './format-bytes.ts'
import type { MachineRule, OtherRun, RestorePart } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineHarness, MachineSpec } from './machine-harness.ts'

/** The number of commands that are shown: the last ones. */
const COMMANDS_MAX = 100
/** The number of letters of a command or result, of a state, and of a label in the diagram. */
const LETTERS_MAX = 300
const STATE_LETTERS_MAX = 2000
const LABEL_LETTERS_MAX = 60

/** The part of a column that is free between two bars. */
const BAR_GAP = 0.1

/** The lane of a machine that applies the log, and of what is compared with it. */
const [FIRST, SECOND] = [0, 1] as const

const TITLES: Readonly<Record<MachineRule, string>> = {
  deterministic: 'apply() is not deterministic',
  clock: 'The state machine reads a clock',
  'forbidden call': 'A call whose result can differ between nodes',
  throws: 'The state machine throws',
  synchronous: 'apply() is not synchronous',
  settles: 'A call of the state machine does not end',
  'input unchanged': 'apply() changes its command',
  'output unchanged': 'A result is changed later',
  codec: 'A codec changes a value',
  'no shared state': 'The state machine keeps state outside of it',
  bytes: 'snapshot() returns something else than bytes',
  'restore replaces': 'restore() does not replace the whole state',
  'snapshot isolation': 'A snapshot is not of one moment',
  replay: 'A restored machine continues in another way',
  query: 'query() is not a function of the state',
  digest: 'digest() is not a function of the state',
  invariant: 'The invariant does not hold',
  model: 'The machine and the reference model differ',
  'another process': 'Another process has other results',
}

const LEGEND: LaneDiagram['legend'] = [
  ['span', 'call', 'command, and its result'],
  ['span', 'culprit', 'where the fault shows'],
  ['mark', 'install', 'restores the snapshot'],
]
const READING =
  'Each row is a machine, each bar a command that it applies and the result. Below is the state of each machine at the cursor. Step with ← and →.'
const SCALE =
  'Columns are commands, not to scale. A state is what snapshot() of a new machine returns that applied the commands up to there.'

/** Something that a machine did. */
interface Act {
  readonly lane: typeof FIRST | typeof SECOND
  /** The number of the last command that the machine has applied. */
  readonly number: number
  readonly what: 'created' | 'applied' | 'prepared' | 'restored' | 'snapshot'
  readonly text: string
}

/** What came of it. */
interface Outcome {
  readonly result: Buffer | undefined
  readonly state: Buffer | undefined
  /** The first line of what was thrown, or what is wrong. */
  readonly thrown: string | undefined
}

type Moment = Act & Outcome

/** The page of a fault whose message lists commands; undefined for any other fault. */
export async function faultPage<Command, Result>(
  spec: MachineSpec<Command, Result>,
  fault: MachineFault,
): Promise<string | undefined> {
  const { shown } = fault
  if (shown === undefined) return undefined
  const log = { ...shown, restoredAt: [] } as unknown as LogToCheck<Command>
  const recorder = new FaultRecorder(spec, log)
  const { part, other } = shown
  if (other !== undefined) await recorder.recordOther(other, fault)
  else if (part?.type === 'restore') await recorder.recordRestore(part)
  else await recorder.recordRuns(secondOf(fault), fault)
  return diagramPage(recorder.diagram(fault))
}

/** What the machine is compared with. */
function secondOf({ rule }: MachineFault): 'model' | 'another' | undefined {
  if (rule === 'model') return 'model'
  return rule === 'deterministic' || rule === 'clock' || rule === 'no shared state' ? 'another' : undefined
}

class FaultRecorder<Command, Result> {
  readonly #spec: MachineSpec<Command, Result>
  readonly #log: LogToCheck<Command>
  readonly #machines: ReturnType<typeof machinesOf<Command, Result>>
  readonly #moments: Moment[] = []
  /** The number of the first command that is shown. */
  readonly #first: number
  #names: readonly string[] = ['machine']

  constructor(spec: MachineSpec<Command, Result>, log: LogToCheck<Command>) {
    this.#spec = spec
    this.#log = log
    // Without the invariant: the state that violates it is shown, too.
    this.#machines = machinesOf({ ...spec, invariant: undefined }, { ...log, commands: encodable(spec, log) })
    this.#first = Math.max(1, log.commands.length - COMMANDS_MAX + 1)
  }

  /** One machine applies the log, and the other is restored from its snapshot after command `at` and applies the rest. */
  async recordRestore(part: RestorePart): Promise<void> {
    const { at, before } = part
    this.#names = ['machine', 'restored']
    const prepared = (): MachineHarness<Command, Result> | undefined => machineBefore(this.#machines, part)
    const restored = async (): Promise<MachineHarness<Command, Result>> => {
      const machine = prepared() ?? this.#machines.at(0)
      if (before !== 'nothing') {
        // As in the check: the machine may keep what it has computed.
        await machine.takeSnapshot()
        machine.digest()
      }
      const { bytes } = await this.#machines.at(at).takeSnapshot()
      await machine.restore(bytes, at, Math.max(1, bytes.length))
      return machine
    }
    await this.#created()
    for (let number = this.#first; number <= at; number++) await this.#applied(number)
    const past =
      before === 'other commands' ? 'the other commands' : `the commands up to ${prepared()?.lastApplied ?? 0}`
    if (before !== 'nothing')
      await this.#add({ lane: SECOND, number: 0, what: 'prepared', text: `has applied ${past}` }, async () => ({
        machine: prepared(),
      }))
    const text = `restores the snapshot after command ${at}`
    await this.#add({ lane: SECOND, number: at, what: 'restored', text }, async () => ({ machine: await restored() }))
    for (let number = Math.max(this.#first, at + 1); number <= this.#machines.last; number++) {
      await this.#applied(number)
      await this.#add({ lane: SECOND, number, what: 'applied', text: this.#commandText(number) }, async () => {
        const machine = await restored()
        machine.applyAll(at, number - 1)
        return { result: machine.apply(number), machine }
      })
    }
  }

  /** One machine applies the log, and so does the other one, or the model. */
  async recordRuns(second: ReturnType<typeof secondOf>, fault: MachineFault): Promise<void> {
    if (second !== undefined) this.#names = ['machine', second]
    const model = second === 'model' ? this.#machines.model() : undefined
    for (let number = 1; number < this.#first; number++) model?.apply(number)
    await this.#created()
    for (let number = this.#first; number <= this.#machines.last; number++) {
      await this.#applied(number)
      const moment = { lane: SECOND, number, what: 'applied', text: this.#commandText(number) } as const
      if (model !== undefined) await this.#add(moment, async () => ({ result: model.apply(number) }))
      else if (second !== undefined) await this.#add(moment, async () => this.#apply(number))
    }
    if (this.#machines.last < this.#log.commands.length) this.#noteFailed(FIRST, this.#machines.last + 1, fault)
  }

  /** What the machine did in another process. Nothing is called here if a call did not return there. */
  async recordOther(other: OtherRun, fault: MachineFault): Promise<void> {
    const isStuck = fault.rule === 'settles'
    const lane = isStuck ? FIRST : SECOND
    this.#names = isStuck ? ['another process'] : ['machine', 'another process']
    if (!isStuck) await this.#created()
    const stateAfter = (number: number): Buffer | undefined =>
      number === this.#machines.last ? other.finalSnapshot : undefined
    if (this.#first === 1 && other.threw?.number !== 0)
      this.#note({ lane, number: 0, what: 'created', text: 'is new' }, { state: stateAfter(0) })
    for (let number = this.#first; number <= this.#machines.last; number++) {
      if (!isStuck) await this.#applied(number)
      const result = other.results[number - 1]
      if (result === undefined) continue
      const text = this.#commandText(number)
      this.#note({ lane, number, what: 'applied', text }, { result, state: stateAfter(number) })
    }
    const failed = other.threw?.number ?? (isStuck ? other.results.length + 1 : undefined)
    if (failed !== undefined) this.#noteFailed(lane, failed, fault)
  }

  /** The call of this number, which no machine can make here. */
  #noteFailed(lane: Moment['lane'], number: number, { message }: MachineFault): void {
    const [thrown = ''] = message.split('\n', 1)
    const { length } = this.#log.commands
    if (number === 0) this.#note({ lane, number, what: 'created', text: 'is created' }, { thrown })
    else if (number > length)
      this.#note({ lane, number: length, what: 'snapshot', text: 'takes a snapshot' }, { thrown })
    else this.#note({ lane, number, what: 'applied', text: this.#commandText(number) }, { thrown })
  }

  diagram(fault: MachineFault): LaneDiagram {
    const [sentence = ''] = fault.message.split('\n\n', 1)
    const found = this.#moments.findIndex(
      (moment) => moment.thrown !== undefined || this.#describeDifference(moment) !== undefined,
    )
    const start = found < 0 ? this.#momentOf(fault) : found
    // What the machine did there shows no fault, such as an invariant that does not hold.
    if (found < 0) this.#moments[start] = { ...(this.#moments[start] as Moment), thrown: sentence }
    const spans = this.#moments.flatMap((moment, offset) =>
      moment.what === 'applied' ? [this.#span(moment, offset, offset === start)] : [],
    )
    const left = this.#first - 1
    return {
      title: TITLES[fault.rule],
      sentences: [shortened(sentence, STATE_LETTERS_MAX)],
      lanes: this.#names.map((name, lane) => ({
        name,
        kind: 'bars',
        fields: fieldsOf(lane),
      })),
      steps: this.#moments.map((moment, offset) => this.#step(moment, offset, offset === start, spans)),
      ...{ spans, arrows: [], start, hasFailure: true, isTimed: false, minorName: undefined },
      ...{ legend: LEGEND, reading: READING, scale: SCALE },
      earlier: left === 0 ? undefined : { summary: `The first ${left} commands are not drawn`, lines: [] },
      appendices: [{ title: 'As text', text: fault.message }],
    }
  }

  /** The moment at which the machine has applied the commands that show the fault. */
  #momentOf({ commands }: MachineFault): number {
    const at = this.#moments.findLastIndex(({ lane, number }) => lane === FIRST && number <= commands)
    return Math.max(0, at)
  }

  async #created(): Promise<void> {
    const text = this.#first === 1 ? 'is new' : `has applied the first ${this.#first - 1} commands`
    await this.#add({ lane: FIRST, number: this.#first - 1, what: 'created', text }, async () => ({
      machine: this.#machines.at(this.#first - 1),
    }))
  }

  async #applied(number: number): Promise<void> {
    const moment = { lane: FIRST, number, what: 'applied', text: this.#commandText(number) } as const
    await this.#add(moment, async () => this.#apply(number))
  }

  #apply(number: number): { readonly result: Buffer; readonly machine: MachineHarness<Command, Result> } {
    const machine = this.#machines.at(number - 1)
    return { result: machine.apply(number), machine }
  }

  /** Nothing follows what was thrown. */
  async #add(
    act: Act,
    call: () => Promise<{ result?: Buffer; machine?: MachineHarness<Command, Result> | undefined }>,
  ): Promise<void> {
    if (this.#moments.some(({ lane, thrown }) => lane === act.lane && thrown !== undefined)) return
    let result: Buffer | undefined
    try {
      const called = await call()
      result = called.result
      this.#note(act, { result, state: (await called.machine?.takeSnapshot())?.bytes })
    } catch (error) {
      const [thrown = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1)
      this.#note(act, { result, thrown })
    }
  }

  #note(act: Act, { result, state, thrown }: Partial<Outcome>): void {
    this.#moments.push({ ...act, result, state, thrown })
  }

  #commandText(number: number): string {
    return shortened(formatValue(this.#log.commands[number - 1]), LETTERS_MAX)
  }

  #resultText(result: Buffer | undefined): string {
    if (result === undefined) return ''
    return shortened(
      formatBytes(result, (bytes) => this.#spec.resultCodec.decode(bytes)),
      LETTERS_MAX,
    )
  }

  /** How a moment of the second lane differs from that of the first one after the same command. */
  #describeDifference(moment: Moment): string | undefined {
    const { lane, number, result, state, what } = moment
    if (lane === FIRST || what === 'prepared') return undefined
    const twin = this.#moments.find((other) => other.lane === FIRST && other.number === number)
    if (result !== undefined && twin?.result !== undefined && !result.equals(twin.result))
      return `the result is ${formatBoth(result, twin.result, (bytes) => this.#spec.resultCodec.decode(bytes)).join(', and that of the machine ')}`
    if (state !== undefined && twin?.state !== undefined && !state.equals(twin.state))
      return `the state is ${formatBoth(state, twin.state).join(', and that of the machine ')}`
    return undefined
  }

  #span(moment: Moment, offset: number, isFailure: boolean): Span {
    const { lane, text, result, number } = moment
    const label = `${text} → ${result === undefined ? 'throws' : this.#resultText(result)}`
    const next = this.#moments.findIndex((other, at) => at > offset && other.lane === lane)
    const to = (next < 0 ? this.#moments.length : next) - BAR_GAP
    const kind = isFailure ? 'culprit' : 'call'
    return { lane, from: offset, to, kind, color: 0, label, title: `command ${number}: ${label}` }
  }

  #step(moment: Moment, offset: number, isFailure: boolean, spans: readonly Span[]): DiagramStep {
    const { lane, number, what, text, result, state, thrown } = moment
    const difference = thrown ?? this.#describeDifference(moment) ?? ''
    const isApplied = what === 'applied'
    const done = isApplied
      ? `applies ${text}${result === undefined ? '' : ` and returns ${this.#resultText(result)}`}`
      : text
    const values = [
      String(number),
      isApplied ? text : '',
      this.#resultText(result),
      state === undefined ? '' : shortened(formatBytes(state), STATE_LETTERS_MAX),
      difference,
    ]
    const laneState: LaneState = { badge: what, values, cells: [] }
    return {
      ...{ lane, at: offset, label: isApplied ? `command ${number}` : what, isMinor: false },
      text: [done, difference].filter((part) => part !== '').join(': '),
      mark: isFailure ? 'failure' : what === 'restored' ? 'install' : undefined,
      markLabel: isFailure ? shortened(difference, LABEL_LETTERS_MAX) : '',
      span: spans.find((span) => span.lane === lane && span.from === offset),
      states: [[lane, laneState]],
    }
  }
}

/** The commands before the first one that its codec changes or rejects. */
function encodable<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands }: LogToCheck<Command>,
): readonly Command[] {
  try {
    encodeLog(spec, commands)
    return commands
  } catch (thrown) {
    if (!(thrown instanceof MachineFault)) throw thrown
    return commands.slice(0, thrown.commands - 1)
  }
}

function fieldsOf(lane: number): Field[] {
  const names = ['commands', 'command', 'returned', 'state', ...(lane === FIRST ? ['fault'] : ['difference'])]
  return names.map((name) => ({ name, width: 'wide' }))
}
