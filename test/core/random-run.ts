/** Runs one node step by step. Inputs are resolved against its current state, and everything is checked after each step. */
import assert from 'node:assert/strict'
import {
  type Effects,
  type Input,
  type LogIndex,
  type Membership,
  type Message,
  type NodeId,
  RAFT_DEFAULTS,
  Raft,
  type RaftOptions,
  type SnapshotInfo,
} from '../../src/core/index.ts'
import { checkState, checkTransition, summaryOf } from '../../src/core/invariants.ts'
import type { RaftState } from '../../src/core/state.ts'
import { blocksOf } from './builders.ts'
import { ReferenceDisk } from './reference-disk.ts'

/** A number relative to an index or the term of the node at the moment it is used. */
export interface RelativeNumber {
  readonly at: 'zero' | 'base' | 'snapshot' | 'commit' | 'persisted' | 'last' | 'term' | 'huge'
  readonly plus: number
}

export type RunStep =
  | { readonly type: 'message'; readonly from: NodeId; readonly make: (run: RandomRun) => Message }
  | { readonly type: 'input'; readonly make: (run: RandomRun) => Input | undefined }
  | { readonly type: 'time'; readonly ms: number | 'wake' }
  | { readonly type: 'durable'; readonly writes: number }
  | { readonly type: 'applied' }
  /** The node campaigns, and b, c and d grant their votes. */
  | { readonly type: 'election' }
  /** All followers acknowledge the whole log. */
  | { readonly type: 'agreement' }

export class RandomRun {
  readonly raft: Raft
  readonly options: RaftOptions
  readonly #disk: ReferenceDisk
  readonly #settled = new Set<string>()
  readonly #trace: string[] = []
  now = 0
  #wakeAt = 0
  #applying: LogIndex = 0
  #fetching: SnapshotInfo | undefined
  #lastId = 0

  constructor(setup: {
    readonly membership: Membership
    readonly log: string
    readonly options: Partial<RaftOptions>
  }) {
    const blocks = blocksOf(setup.log)
    this.options = { ...RAFT_DEFAULTS, ...setup.options, id: 'a', seed: 7 }
    const hardState = { term: 5, votedFor: undefined, commitIndex: 2 }
    const initial = { hardState, snapshot: undefined, blocks, initialMembership: setup.membership }
    this.raft = new Raft(this.options, initial, this.now)
    this.#disk = new ReferenceDisk(
      'a',
      hardState,
      blocks.map((block) => ({ ...block, membership: undefined })),
    )
    this.#step([])
  }

  /** Throws with a trace of all inputs if a check fails. */
  run(steps: readonly RunStep[]): void {
    try {
      for (const step of steps) this.#apply(step)
    } catch (error) {
      throw new Error(`${(error as Error).message}, after:\n${this.#trace.join('\n')}`, { cause: error })
    }
  }

  #apply(step: RunStep): void {
    switch (step.type) {
      case 'message':
        return this.#step([{ type: 'receive', from: step.from, message: step.make(this) }])
      case 'input': {
        const input = step.make(this)
        if (input !== undefined) this.#step([input])
        return
      }
      case 'time':
        this.now = step.ms === 'wake' ? Math.min(this.#wakeAt, this.now + 5000) : this.now + step.ms
        return this.#step([{ type: 'timeout' }])
      case 'durable':
        for (let count = 0; count < step.writes; count++) {
          const number = this.#disk.complete()
          if (number !== undefined) this.#step([{ type: 'persisted', number }])
        }
        return
      case 'applied':
        return this.#step([{ type: 'applied', index: this.#applying }])
      case 'election':
        return this.#winElection()
      case 'agreement':
        return this.#acknowledgeAll()
    }
  }

  /** Wins an election if the membership allows it. */
  #winElection(): void {
    const { state } = this
    for (let wakes = 0; wakes < 20 && state.role.type === 'follower'; wakes++) this.#apply({ type: 'time', ms: 'wake' })
    const grant = { isGranted: true, isRemoved: false }
    for (const from of ['b', 'c', 'd']) {
      const message = { type: 'PreVoteResponse', term: state.term + 1, ...grant } as const
      this.#step([{ type: 'receive', from, message }])
    }
    this.#apply({ type: 'durable', writes: 9 })
    for (const from of ['b', 'c', 'd']) {
      const message = { type: 'RequestVoteResponse', term: state.term, ...grant } as const
      this.#step([{ type: 'receive', from, message }])
    }
  }

  #acknowledgeAll(): void {
    const { role, term, log } = this.state
    if (role.type !== 'leader') return
    const answers = [...role.progress.values()].map(({ id, session }): Input => {
      const { current: round } = role.rounds
      const rest = {
        isAccepted: true,
        index: log.lastIndex,
        hintIndex: 0,
        hintTerm: 0,
        chain: undefined,
        round,
        session,
      }
      return { type: 'receive', from: id, message: { type: 'AppendEntriesResponse', term, ...rest } }
    })
    this.#step(answers)
    this.#apply({ type: 'durable', writes: 9 })
  }

  /** Returns a unique number for a request, as the runtime does. */
  nextId(): number {
    return ++this.#lastId
  }

  get state(): RaftState {
    return this.raft.state
  }

  get fetching(): SnapshotInfo | undefined {
    return this.#fetching
  }

  resolve({ at, plus }: RelativeNumber): number {
    const { log, term } = this.state
    const from = {
      zero: 0,
      base: log.baseIndex,
      snapshot: log.snapshotIndex,
      commit: log.commitIndex,
      persisted: log.persistedIndex,
      last: log.lastIndex,
      term,
      huge: Number.MAX_SAFE_INTEGER,
    }[at]
    return Math.min(Math.max(0, from + plus), Number.MAX_SAFE_INTEGER)
  }

  #step(inputs: readonly Input[]): void {
    const { state } = this
    const before = summaryOf(state)
    this.#trace.push(`${this.now} ${state.role.type} ${state.term}: ${JSON.stringify(inputs)}`)
    const effects = this.raft.step(this.now, inputs)
    checkState(state)
    checkTransition(before, state)
    for (const outgoing of effects.send) this.#disk.checkSent(outgoing)
    if (effects.persist !== undefined) this.#disk.begin(effects.persist)
    this.#checkApplied(effects)
    for (const settlement of effects.settle) {
      const key = JSON.stringify([settlement.type.replace(/Done|Unknown/, ''), Object.values(settlement)[1]])
      const isOfAccepted = settlement.type === 'changeDone' || settlement.type === 'changeUnknown'
      assert.ok(isOfAccepted || !this.#settled.has(key), 'each request is settled once')
      this.#settled.add(key)
    }
    this.#fetching = effects.fetch?.snapshot ?? this.#fetching
    this.#wakeAt = effects.wakeAt
    assert.ok(this.#wakeAt > this.now, 'the next wake-up is in the future')
    assert.equal(this.raft.status(this.now).id, 'a')
  }

  /** Entries are applied in order, without gaps or repetition, and only if committed and durable. */
  #checkApplied({ install, apply }: Effects): void {
    if (install !== undefined) {
      assert.ok(install.index > this.#applying, 'an installed snapshot is ahead of the applied entries')
      this.#applying = install.index
    }
    if (apply === undefined) return
    assert.equal(apply.from, this.#applying + 1, 'entries are applied in order')
    assert.ok(apply.to - 1 <= this.state.log.commitIndex, 'applied entries are committed')
    assert.ok(apply.to - 1 <= this.#disk.lastIndex, 'applied entries are durable')
    this.#applying = apply.to - 1
  }
}
