/** Three cores that are stepped every 500 ms elect a leader, as docs/how-to/embed-the-core.md says. */
import assert from 'node:assert/strict'
import type { Effects, Input, Message, RaftOptions } from '../../../src/core/index.ts'
import { bootstrapMembership, RAFT_DEFAULTS, Raft } from '../../../src/core/index.ts'

const INTERVAL_MS = 500

class Core {
  readonly raft: Raft
  inputs: Input[] = []
  sent: { readonly to: string; readonly message: Message }[] = []
  #unwritten: NonNullable<Effects['persist']>[] = []

  constructor(id: string, seed: number, options: Partial<RaftOptions>) {
    const hardState = { term: 0, votedFor: undefined, commitIndex: 0 }
    const initialMembership = bootstrapMembership({ a: 'a:1', b: 'b:1', c: 'c:1' })
    const initial = { hardState, snapshot: undefined, blocks: [], initialMembership }
    this.raft = new Raft({ ...RAFT_DEFAULTS, ...options, id, seed }, initial, 0)
    this.#carryOut(this.raft.step(0, []))
  }

  step(now: number): void {
    this.#carryOut(this.raft.step(now, [...this.inputs.splice(0), { type: 'timeout' }]))
  }

  finishWrites(): void {
    for (const { number, then } of this.#unwritten.splice(0)) {
      this.sent.push(...then)
      this.inputs.push({ type: 'persisted', number })
    }
  }

  #carryOut({ persist, send }: Effects): void {
    this.sent.push(...send)
    if (persist !== undefined) this.#unwritten.push(persist)
  }
}

/** The time until a leader is elected. `hops`: how often messages and writes are carried on, and stepped, between two ticks of the timer. */
function electionMs(
  seed: number,
  { hops, writesWait }: { hops: number; writesWait: boolean },
  options: Partial<RaftOptions> = {},
): number {
  const cores = ['a', 'b', 'c'].map((id, offset) => ({ id, core: new Core(id, seed + offset, options) }))
  for (let now = INTERVAL_MS; now < 120_000; now += INTERVAL_MS) {
    for (let hop = 0; hop <= hops; hop++) {
      for (const { id: from, core } of cores)
        for (const { to, message } of core.sent.splice(0))
          cores.find(({ id }) => id === to)?.core.inputs.push({ type: 'receive', from, message })
      for (const { core } of cores) {
        if (writesWait) core.finishWrites()
        core.step(now)
        if (!writesWait) core.finishWrites()
      }
    }
    if (cores.some(({ core }) => core.raft.status(now).role === 'leader')) return now
  }
  return Infinity
}

describe('three cores with a timer of 500 ms', () => {
  const seeds = [1, 4, 7]

  it('elect a leader within 4 s if messages and writes are steps of their own', () => {
    for (const seed of seeds) assert.ok(electionMs(seed, { hops: 20, writesWait: false }) <= 4000)
  })

  it('elect one within 9 s if messages wait for the timer', () => {
    for (const seed of seeds) assert.ok(electionMs(seed, { hops: 0, writesWait: false }) <= 9000)
  })

  it('need election timeouts of three intervals if writes wait for it too', () => {
    const waiting = { hops: 0, writesWait: true }
    for (const seed of seeds) {
      assert.equal(electionMs(seed, waiting), Infinity)
      const longer = { electionTimeoutMinMs: 1500, electionTimeoutMaxMs: 3000, electionTimeoutLimitMs: 6000 }
      assert.ok(electionMs(seed, waiting, longer) <= 15_000)
    }
  })
})
