/** The faults that a run can inject, as plain data that can be printed, stored and shrunk. Nodes are given by number, or LEADER. */
import type { Message } from '../../core/messages.ts'
import type { DamagedPart } from './damage.ts'
import type { NetworkConditions } from './network-conditions.ts'

/** When the fault begins, in simulated milliseconds. */
interface WithStart {
  readonly atMs: number
}

/** How long the fault lasts; the end of the fault phase ends it sooner. */
interface WithDuration extends WithStart {
  readonly forMs: number
}

export type Fault =
  /** The process ends and restarts. `isHard`: every unsynced write is lost; otherwise a random prefix of them survives. */
  | ({ readonly type: 'crash'; readonly node: number; readonly isHard: boolean } & WithDuration)
  /** The process ends just before or just after one of its next disk calls; `call` 0 is the next one. */
  | ({
      readonly type: 'crashAtCall'
      readonly node: number
      readonly call: number
      readonly when: 'before' | 'after'
    } & WithDuration)
  /** Several processes end at the same moment. */
  | ({ readonly type: 'powerCut'; readonly nodes: readonly number[]; readonly isHard: boolean } & WithDuration)
  /** The process is killed `times` times, each time `gapUs` after its start: usually while it is still starting. */
  | ({ readonly type: 'restarts'; readonly node: number; readonly times: number; readonly gapUs: number } & WithStart)
  /** The node restarts with these options and keeps them: a rolling upgrade that may stay incomplete. */
  | ({
      readonly type: 'switches'
      readonly node: number
      readonly preVote: boolean
      readonly checkQuorum: boolean
    } & WithStart)
  /** The node restarts with a program whose state machine supports this version, if that is higher than before. */
  | ({ readonly type: 'upgrade'; readonly node: number; readonly machineVersion: number } & WithStart)
  /** The node restarts with this priority, and keeps it. */
  | ({ readonly type: 'prefer'; readonly node: number; readonly leaderPriority: number } & WithStart)
  /** All messages between these nodes and the others are lost. */
  | ({ readonly type: 'partition'; readonly side: readonly number[] } & WithDuration)
  /** All messages from one node to another are lost; the opposite direction works. */
  | ({ readonly type: 'cut'; readonly from: number; readonly to: number } & WithDuration)
  /** A partition that begins and ends repeatedly, every `everyMs`. */
  | ({ readonly type: 'flap'; readonly side: readonly number[]; readonly everyMs: number } & WithDuration)
  /** From one node to another, only messages of this type arrive. */
  | ({
      readonly type: 'passOnly'
      readonly from: number
      readonly to: number
      readonly message: Message['type']
    } & WithDuration)
  /** The connection between two nodes breaks; messages in flight are lost. */
  | ({ readonly type: 'reset'; readonly a: number; readonly b: number } & WithStart)
  /** Messages are lost, duplicated, delayed or reordered. */
  | ({ readonly type: 'networkConditions'; readonly conditions: NetworkConditions } & WithDuration)
  /** Every sync takes between half of `syncMs` and all of it. */
  | ({ readonly type: 'slowDisk'; readonly node: number; readonly syncMs: number } & WithDuration)
  /** Every write fails, and may be stored or not. The node stops, and restarts when the disk is replaced. */
  | ({ readonly type: 'failDisk'; readonly node: number } & WithDuration)
  /** Every read returns a flipped bit, which the checksum detects: the node stops, and restarts afterwards. */
  | ({ readonly type: 'misread'; readonly node: number } & WithDuration)
  /**
   * At most `leftBytes` more fit on the disk. A node that checks its free space rejects client writes; a node whose write fails
   * stops, and restarts when space is free again.
   */
  | ({ readonly type: 'fullDisk'; readonly node: number; readonly leftBytes: number } & WithDuration)
  /**
   * The node loses its data and restarts with an empty directory. Its peers reject it until the operator removes it.
   * Skipped unless the other nodes form a quorum.
   */
  | ({ readonly type: 'wipeDisk'; readonly node: number } & WithStart)
  /**
   * Bit rot: a stored bit flips, or a file disappears. The node detects it when it reads the part, or at its next start; it then
   * stops, or does not start, until the operator removes it. Skipped unless the other nodes form a quorum, and if the part does not
   * exist yet. `place` selects the block, byte or bit, modulo their number.
   */
  | ({ readonly type: 'rot'; readonly node: number; readonly part: DamagedPart; readonly place: number } & WithStart)
  /**
   * A stored command changes while the node runs, and every checksum of its block is right: only the hash chain shows it. The node stops
   * with ERR_RAFT_CORRUPT when it reads the block. It does not restart with this disk, and the operator removes it after the faults.
   * Skipped unless the other nodes form a quorum. `place` selects the block, modulo their number.
   */
  | ({ readonly type: 'changeCommand'; readonly node: number; readonly place: number } & WithStart)
  /**
   * The process ends, and restarts with a copy of its directory that was made `ageMs` before, while it ran or not. What it wrote since
   * is forgotten. It catches up or stops with proof, and the operator removes it after the faults. Skipped unless the other nodes form
   * a quorum.
   */
  | ({ readonly type: 'rollBackDisk'; readonly node: number; readonly ageMs: number } & WithStart)
  /**
   * A second process starts under the id of the node, with a copy of its directory that was made `ageMs` before. The nodes in `side`
   * reach it instead of the original, the others reach the original; every `swapMs` it is the other way round. At least one of the two
   * stops with proof, or is rejected. The clone ends after `forMs`; the operator removes the node after the faults. Skipped unless
   * the other nodes form a quorum.
   */
  | ({
      readonly type: 'cloneDisk'
      readonly node: number
      readonly ageMs: number
      readonly side: readonly number[]
      readonly swapMs: number
    } & WithDuration)
  /** The process does not run for a while (a garbage collection, a suspended machine) and then continues. */
  | ({ readonly type: 'pause'; readonly node: number } & WithDuration)
  /** The process pauses between its next decision to send a message and the sending. */
  | ({ readonly type: 'stall'; readonly node: number } & WithDuration)
  /** The node's clock runs at `ratePerMille` thousandths of real speed. */
  | ({ readonly type: 'drift'; readonly node: number; readonly ratePerMille: number } & WithDuration)
  /**
   * The node is down or cut off, and stays so after the other faults end, as long as the rest is a majority of every membership in
   * force: the cluster must make progress without it. It returns after that.
   */
  | ({ readonly type: 'missing'; readonly node: number; readonly how: 'down' | 'cut off' } & WithStart)

export type FaultPlan = readonly Fault[]
