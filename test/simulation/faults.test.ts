/** Each kind of fault happens, and nodes outlive it. */
import assert from 'node:assert/strict'
import type { Observation } from '../../src/testing/properties/observation.ts'
import type { Property } from '../../src/testing/properties/property.ts'
import { SAFETY } from '../../src/testing/properties/safety.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import { simulate } from '../../src/testing/simulate.ts'
import type { Fault } from '../../src/testing/simulation/faults.ts'
import type { Call } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

const WORKLOAD: Call[] = Array.from({ length: 60 }, (_, number) => ({
  type: 'write',
  atMs: 400 + 30 * number,
  node: LEADER,
  count: 1,
}))

/** Runs with one fault; gives back what happened, and the lines of the trace. */
async function runWith(
  fault: Fault,
  settings: SimulationOptions['settings'] = {},
): Promise<{ seen: Observation[]; trace: string }> {
  const seen: Observation[] = []
  const record: Property = { id: 'X', name: 'record', promise: '', watch: () => (one) => void seen.push(one) }
  const { failure, trace = '' } = await simulate({
    seed: 1,
    settings,
    cluster: { voters: 3, spares: 0 },
    workload: WORKLOAD,
    faults: [fault],
    healAtMs: 3000,
    properties: [...SAFETY, record],
    isTraced: true,
  })
  assert.equal(failure, undefined)
  return { seen, trace }
}

const count = (seen: Observation[], type: Observation['type']): number => seen.filter((one) => one.type === type).length

describe('the fault', () => {
  it('powerCut ends several processes at once', async () => {
    const { seen } = await runWith({ type: 'powerCut', atMs: 1000, nodes: [0, 1, 2], isHard: true, forMs: 200 })
    assert.equal(count(seen, 'crashed'), 3)
    assert.equal(count(seen, 'started'), 6)
  })

  it('restarts kills a process while it starts', async () => {
    const { seen } = await runWith({ type: 'restarts', atMs: 1000, node: 1, times: 6, gapUs: 50 })
    assert.equal(count(seen, 'crashed'), 6)
    assert.ok(count(seen, 'started') < 3 + 6, 'most lives ended before there was a core')
  })

  it('switches lets a node run by other switches than the rest', async () => {
    const { seen } = await runWith({ type: 'switches', atMs: 1000, node: 1, preVote: false, checkQuorum: false })
    const lives = seen.flatMap((one) => (one.type === 'started' && one.node === 'n1' ? [one.settings?.preVote] : []))
    assert.deepEqual(lives, [true, false])
  })

  it('flap cuts again and again', async () => {
    const { trace } = await runWith({ type: 'flap', atMs: 1000, side: [LEADER], everyMs: 100, forMs: 1500 })
    const lost = [...trace.matchAll(/^ *\d+ +(\d+) .*=x/gm)].map(([, us]) => Math.floor(Number(us) / 100_000))
    assert.ok(new Set(lost).size >= 3, `${[...new Set(lost)]}`)
    assert.ok(![...new Set(lost)].every((tenth, at, all) => at === 0 || tenth === (all[at - 1] as number) + 1))
  })

  it('passOnly loses messages of every other type', async () => {
    const message = 'PreVoteRequest'
    const { trace } = await runWith({ type: 'passOnly', atMs: 1000, from: LEADER, to: 1, message, forMs: 500 })
    assert.match(trace, /=x .*[aA]ppend/)
  })

  it('loseDisk leaves a node out until it is removed: an empty disk is refused, a rotten one refuses to start', async () => {
    const wiped = await runWith({ type: 'loseDisk', atMs: 1500, node: 1, how: 'wiped' })
    assert.equal(count(wiped.seen, 'wiped'), 1)
    const since = wiped.seen.findIndex(({ type }) => type === 'wiped')
    assert.ok(!wiped.seen.slice(since).some((one) => one.type === 'sent' && one.from === 'n1'), 'nobody listened to it')
    const rotten = await runWith({ type: 'loseDisk', atMs: 1500, node: 1, how: 'rotten' })
    for (const { seen } of [wiped, rotten]) {
      const ends = seen.flatMap((one) => (one.type === 'ended' ? [one.node] : []))
      assert.deepEqual(ends, ['n0', 'n2'])
    }
  })

  it('fullDisk makes a leader hand over', async () => {
    const settings = { freeBytesMin: 1000, freeBytesCheckMs: 50 }
    const { seen } = await runWith({ type: 'fullDisk', atMs: 1000, node: LEADER, forMs: 600 }, settings)
    const told = seen.flatMap((one) => (one.type === 'stepped' ? one.effects.events.map(({ type }) => type) : []))
    assert.ok(told.includes('transferStarted'))
    assert.ok(told.filter((type) => type === 'becameLeader').length >= 2)
  })

  it('stall lets what was decided leave much later', async () => {
    const { seen, trace } = await runWith({ type: 'stall', atMs: 1000, node: LEADER, forMs: 400 })
    assert.match(trace, /! stall/)
    assert.ok(seen.some((one) => one.type === 'stepped' && one.effects.events.some(({ type }) => type === 'paused')))
  })
})
