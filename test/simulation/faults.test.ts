/** Each kind of fault happens, and nodes outlive it. */
import assert from 'node:assert/strict'
import type { Observation } from '../../src/testing/properties/observation.ts'
import { ALL_PROPERTIES } from '../../src/testing/properties/properties.ts'
import type { Property } from '../../src/testing/properties/property.ts'
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

/** Runs with these faults; gives back what happened, and the lines of the trace. */
async function runWith(
  faults: Fault | Fault[],
  settings: SimulationOptions['settings'] = {},
  workload: readonly Call[] = WORKLOAD,
): Promise<{ seen: Observation[]; trace: string }> {
  const seen: Observation[] = []
  const record: Property = { id: 'X', name: 'record', statement: '', watch: () => (one) => void seen.push(one) }
  const { failure, trace = '' } = await simulate({
    seed: 1,
    settings,
    cluster: { voters: 3, spares: 0 },
    workload,
    faults: [faults].flat(),
    healAtMs: 3000,
    properties: [...ALL_PROPERTIES, record],
    isTraced: true,
  })
  assert.equal(failure, undefined)
  return { seen, trace }
}

const count = (seen: Observation[], type: Observation['type']): number => seen.filter((one) => one.type === type).length

/** Who holds what all hold, at the end. */
const nodesAtEnd = (seen: Observation[]): string[] => seen.flatMap((one) => (one.type === 'ended' ? [one.node] : []))

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

  it('wipeDisk leaves a node out until it is removed: its empty disk is refused', async () => {
    const { seen } = await runWith({ type: 'wipeDisk', atMs: 1500, node: 1 })
    assert.equal(count(seen, 'wiped'), 1)
    const since = seen.findIndex(({ type }) => type === 'wiped')
    assert.ok(!seen.slice(since).some((one) => one.type === 'sent' && one.from === 'n1'), 'nobody listened to it')
    assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
  })

  for (const part of ['log', 'hardState', 'snapshot', 'snapshotFile'] as const)
    it(`rot of the ${part} is found at the next start at the latest, and leaves the node out until it is removed`, async () => {
      const rot: Fault = { type: 'rot', atMs: 1500, node: 1, part, place: 5 }
      const { seen } = await runWith([rot, { type: 'crash', atMs: 1505, node: 1, isHard: true, forMs: 100 }])
      const lives = seen.filter((one) => one.type === 'started' && one.node === 'n1').length
      // The bytes of a snapshot are read by the machine, when there is a core already.
      assert.equal(lives, part === 'snapshot' ? 2 : 1)
      assert.equal(count(seen, 'crashed'), 2)
      assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
    })

  it('rot of the log is found by a leader that reads it for a follower who was away', async () => {
    const away: Fault = { type: 'crash', atMs: 700, node: 1, isHard: true, forMs: 900 }
    const settings = {
      trailingEntries: 1000,
      trailingBytesMax: 1_000_000,
      snapshotEntries: 1000,
      blockCacheBytesMax: 1,
    }
    const { seen } = await runWith([away, { type: 'rot', atMs: 1500, node: LEADER, part: 'log', place: 20 }], settings)
    const stopped = seen.flatMap((one) => (one.type === 'crashed' ? [one.node] : []))
    assert.equal(stopped.length, 2, 'the follower, and later the leader')
    assert.equal(nodesAtEnd(seen).length, 2)
  })

  it('rot of a snapshot is found when a follower is handed it: another snapshot takes its place', async () => {
    const faults: Fault[] = [
      { type: 'crash', atMs: 500, node: 1, isHard: true, forMs: 1500 },
      { type: 'rot', atMs: 1900, node: LEADER, part: 'snapshot', place: 0 },
    ]
    const { seen } = await runWith(faults, {}, WORKLOAD.slice(0, 40))
    const healed = seen.findIndex((one) => one.type === 'crashed' && one.node !== 'n1')
    const restored = seen.findIndex((one) => one.type === 'restored' && one.node === 'n1')
    assert.ok(restored > 0 && restored < healed, 'long before the operator came')
  })

  it('misread stops a node that reads, and is over when the disk is sound', async () => {
    const { seen } = await runWith([
      { type: 'misread', atMs: 1000, node: 1, forMs: 500 },
      { type: 'crash', atMs: 1100, node: 1, isHard: false, forMs: 100 },
    ])
    assert.equal(nodesAtEnd(seen).length, 3)
    assert.ok(count(seen, 'crashed') >= 2, 'it did not start while reads were wrong')
  })

  it('failDisk stops a node until its disk is replaced', async () => {
    const { seen } = await runWith({ type: 'failDisk', atMs: 1000, node: 1, forMs: 500 })
    assert.equal(count(seen, 'crashed'), 1)
    assert.equal(nodesAtEnd(seen).length, 3)
  })

  it('fullDisk makes a leader that looks after its space hand over', async () => {
    const settings = { freeBytesMin: 1000, freeBytesCheckMs: 50 }
    const fault: Fault = { type: 'fullDisk', atMs: 1000, node: LEADER, leftBytes: 900, forMs: 600 }
    const { seen } = await runWith(fault, settings)
    const told = seen.flatMap((one) => (one.type === 'stepped' ? one.effects.events.map(({ type }) => type) : []))
    assert.ok(told.includes('transferStarted'))
    assert.ok(told.filter((type) => type === 'becameLeader').length >= 2)
  })

  it('fullDisk stops a node whose write does not fit, until there is room again', async () => {
    const { seen } = await runWith({ type: 'fullDisk', atMs: 1000, node: LEADER, leftBytes: 100, forMs: 600 })
    assert.equal(count(seen, 'crashed'), 1)
    assert.equal(nodesAtEnd(seen).length, 3)
  })

  it('stall lets what was decided leave much later', async () => {
    const { seen, trace } = await runWith({ type: 'stall', atMs: 1000, node: LEADER, forMs: 400 })
    assert.match(trace, /! stall/)
    assert.ok(seen.some((one) => one.type === 'stepped' && one.effects.events.some(({ type }) => type === 'paused')))
  })
})
