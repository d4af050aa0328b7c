/** What can go wrong, as data: one may print it, keep it and shrink it. Nodes are named by number, or LEADER. */
import type { Message } from '../../core/messages.ts'
import type { DamagedPart } from './damage.ts'
import type { NetworkConditions } from './network-conditions.ts'

/** When a fault begins. */
interface WithStart {
  readonly atMs: number
}

/** When it begins, and how long it lasts; the end of the faults ends all of them. */
interface WithDuration extends WithStart {
  readonly forMs: number
}

export type Fault =
  /** The process is gone, and comes back. `isHard`: every write that was not synced is lost; else chance keeps a prefix. */
  | ({ readonly type: 'crash'; readonly node: number; readonly isHard: boolean } & WithDuration)
  /** The process is gone just before, or just after, the disk does one of its next calls. */
  | ({
      readonly type: 'crashAtCall'
      readonly node: number
      readonly call: number
      readonly when: 'before' | 'after'
    } & WithDuration)
  /** The power of several nodes fails at once. */
  | ({ readonly type: 'powerCut'; readonly nodes: readonly number[]; readonly isHard: boolean } & WithDuration)
  /** The process is killed so many times, each time so long after it was started: mostly while it starts. */
  | ({ readonly type: 'restarts'; readonly node: number; readonly times: number; readonly gapUs: number } & WithStart)
  /** The node comes back with these switches, and keeps them: an upgrade that goes from node to node, and may stay half done. */
  | ({
      readonly type: 'switches'
      readonly node: number
      readonly preVote: boolean
      readonly checkQuorum: boolean
    } & WithStart)
  /** Nothing passes between these nodes and the others. */
  | ({ readonly type: 'partition'; readonly side: readonly number[] } & WithDuration)
  /** Nothing passes from one to the other; the way back is open. */
  | ({ readonly type: 'cut'; readonly from: number; readonly to: number } & WithDuration)
  /** A partition that comes and goes. */
  | ({ readonly type: 'flap'; readonly side: readonly number[]; readonly everyMs: number } & WithDuration)
  /** From one to the other only messages of this type pass. */
  | ({
      readonly type: 'passOnly'
      readonly from: number
      readonly to: number
      readonly message: Message['type']
    } & WithDuration)
  /** The connection between two nodes breaks, with what was on its way. */
  | ({ readonly type: 'reset'; readonly a: number; readonly b: number } & WithStart)
  /** Messages are lost, doubled, late, out of order. */
  | ({ readonly type: 'weather'; readonly weather: NetworkConditions } & WithDuration)
  /** Every sync takes this long. */
  | ({ readonly type: 'slowDisk'; readonly node: number; readonly syncMs: number } & WithDuration)
  /** Whatever is written fails; it may be there or not. The node stops, and comes back when the disk is replaced. */
  | ({ readonly type: 'failDisk'; readonly node: number } & WithDuration)
  /** Whatever is read comes back with a bit flipped, and is refused: the node stops, and comes back afterwards. */
  | ({ readonly type: 'misread'; readonly node: number } & WithDuration)
  /**
   * So many bytes fit on the disk, and no more: a node that looks after its space takes no writes of clients; one to whom a write
   * fails stops, and comes back when there is room again.
   */
  | ({ readonly type: 'fullDisk'; readonly node: number; readonly leftBytes: number } & WithDuration)
  /**
   * The data of a node is lost for good, and it starts with an empty directory: it is refused until the operator removes it.
   * Happens only where the rest can do without it.
   */
  | ({ readonly type: 'wipeDisk'; readonly node: number } & WithStart)
  /**
   * A bit on the disk is flipped, or a file is missing; it is found when that is read, or at the next start. Such a node stops, or
   * does not start, until the operator removes it. Happens only where the rest can do without it; nothing happens where there is
   * nothing yet. `place`: which block, byte or bit, counted around.
   */
  | ({ readonly type: 'rot'; readonly node: number; readonly part: DamagedPart; readonly place: number } & WithStart)
  /** The process does not run (a collection of garbage, a stopped machine), and goes on as if nothing had been. */
  | ({ readonly type: 'pause'; readonly node: number } & WithDuration)
  /** The process halts between its next decision to send something and the sending. */
  | ({ readonly type: 'stall'; readonly node: number } & WithDuration)
  /** Its clock runs fast or slow. */
  | ({ readonly type: 'drift'; readonly node: number; readonly ratePerMille: number } & WithDuration)
  /**
   * The node goes, down or cut off from all others, and is still away when the other faults end, as long as the rest is a
   * majority of every membership in force: the rest must live without it. Only then it comes back.
   */
  | ({ readonly type: 'missing'; readonly node: number; readonly how: 'down' | 'cut off' } & WithStart)

export type FaultPlan = readonly Fault[]

/** One line, for a trace or a report. */
export function formatFault({ type, atMs, ...rest }: Fault): string {
  return `${type} at ${atMs} ms ${JSON.stringify(rest)}`
}
