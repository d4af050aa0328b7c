/** The trace of a run: a text with one line per event, in fixed columns. */
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Message } from '../../core/messages.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import type { DurableWrite, Observation } from '../properties/observation.ts'
import type { RunRecorder } from '../run-diagram/run-recorder.ts'
import { formatEffects } from '../text/format-effects.ts'
import { formatBlocks, formatMessage } from '../text/format-message.ts'
import type { VirtualTime } from './virtual-clock.ts'

/**
 * Columns: event number; time in microseconds; node; its role (F, P, C, L) and term, then applied/commit/last index; description.
 * A description starts with `=>` for a delivered message, `=x` for a lost one, `!` for a fault or repair, `?` for a client's call and
 * `.` for its outcome.
 */
export const TRACE_HEADER = '  event       time us  node  state            what'

/** The first line of every trace: name and version of the format, which docs/reference/run-files.md describes. */
const TRACE_FORMAT = '# quorate trace, version 1'

const LETTERS = { follower: 'F', 'pre-candidate': 'P', candidate: 'C', leader: 'L' } as const

export class Trace {
  readonly #time: VirtualTime
  /** Receives the same lines, for the diagram of the run. */
  readonly recorder: RunRecorder
  readonly #lines: string[] = []
  readonly #statuses = new Map<NodeId, RaftStatus>()

  constructor(time: VirtualTime, recorder: RunRecorder) {
    this.#time = time
    this.recorder = recorder
  }

  get text(): string {
    return `${[TRACE_FORMAT, TRACE_HEADER, ...this.#lines].join('\n')}\n`
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  observe(observation: Observation): void {
    switch (observation.type) {
      case 'started':
        return this.note(observation.node, `! starts in term ${observation.hardState.term}`)
      case 'crashed':
        this.note(observation.node, '! crashes')
        this.#statuses.delete(observation.node)
        return
      case 'stepped':
        this.#statuses.set(observation.node, observation.status)
        for (const line of formatEffects(observation.node, observation.effects))
          this.note(observation.node, line.trim())
        return
      case 'durable':
        return this.note(observation.node, formatWrite(observation.write))
      case 'applied':
        return this.note(observation.node, `applies ${observation.command} at ${observation.index}@${observation.term}`)
      case 'restored':
        return this.note(observation.node, `is restored up to ${observation.index}`)
      case 'invoked':
        return this.note(observation.node, `? call ${observation.call} ${observation.what} ${observation.command}`)
      case 'changed':
        return this.note(observation.node, `. reader ${observation.reader} has ${observation.index}`)
      case 'compacted':
        return this.note(observation.node, `. reader ${observation.reader} continues at ${observation.firstIndex}`)
      case 'returned':
        return this.note('-', `. call ${observation.call} ${observation.outcome} ${observation.index}`)
      default:
    }
  }

  delivered(from: NodeId, to: NodeId, message: Message | PeerMessage): void {
    this.note(to, `=> ${formatMessage(from, to, message)}`)
    this.recorder.delivered(from, to, message)
  }

  lost(from: NodeId, to: NodeId, message: Message | PeerMessage, why: string): void {
    this.note(to, `=x ${formatMessage(from, to, message)} (${why})`)
    this.recorder.lost(from, to, message)
  }

  note(node: NodeId, what: string): void {
    const status = this.#statuses.get(node)
    const state =
      status === undefined
        ? '-'
        : `${LETTERS[status.role]}${status.term} ${status.appliedIndex}/${status.commitIndex}/${status.lastIndex}`
    const when = `${String(this.#time.executed).padStart(7)}  ${String(this.#time.nowUs).padStart(12)}`
    this.recorder.add(node, what)
    this.#lines.push(`${when}  ${node.padEnd(4)}  ${state.padEnd(15)}  ${what}`)
  }
}

function formatWrite(write: DurableWrite): string {
  const parts: string[] = []
  if (write.snapshot !== undefined)
    parts.push(`snapshot ${write.snapshot.info.index}${write.snapshot.resetLog ? ' reset' : ''}`)
  if (write.truncateAfter !== undefined) parts.push(`truncate after ${write.truncateAfter}`)
  if (write.blocks.length > 0) parts.push(formatBlocks(write.blocks))
  if (write.hardState !== undefined)
    parts.push(
      `term ${write.hardState.term} vote ${write.hardState.votedFor ?? '-'} commit ${write.hardState.commitIndex}`,
    )
  return `has durable: ${parts.join(', ')}`
}
