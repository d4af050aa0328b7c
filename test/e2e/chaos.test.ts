/** Tests of the chaos runner: short runs, and that it detects lost writes and stale reads. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatHistory, readHistory, writeArtifacts } from '../../chaos/artifacts.ts'
import { checkHistory } from '../../chaos/check-history.ts'
import { ProcessCluster } from '../../chaos/cluster/process-cluster.ts'
import { removeLeftovers } from '../../chaos/cluster/run-directory.ts'
import type { PlannedFault } from '../../chaos/nemesis/nemesis.ts'
import { FAULTS, FORMER_KINDS, faultPlan, isPossible } from '../../chaos/nemesis/nemesis.ts'
import { formatReport, hasPassed } from '../../chaos/report.ts'
import type { ChaosOptions, ChaosOutcome } from '../../chaos/run.ts'
import { runChaos } from '../../chaos/run.ts'
import { itLong } from '../long.ts'
import { start } from './command.ts'

describe('a chaos run', function () {
  this.timeout(90_000)

  itLong('passes for three nodes whose leader is killed', async () => {
    const outcome = await chaos(3, { kinds: ['kill the leader'], faultsMax: 1, clients: 5, callsMin: 100 })
    assert.ok(hasPassed(outcome), formatReport(outcome))
    assert.ok(outcome.keys.some(({ history }) => history.calls.length > 10))
    assert.match(formatReport(outcome), /kill the leader 1.*\n(?:.*\n)*nodes +3 equal.*\nverdict +linearizable/)
  })

  itLong('passes when a directory goes back to an older copy, and when one runs twice', async () => {
    const outcome = await chaos(3, { kinds: ['roll back a disk', 'clone a disk'], faultsMax: 2 })
    assert.ok(hasPassed(outcome), formatReport(outcome))
    assert.match(formatReport(outcome), /clone a disk 1, roll back a disk 1/)
  })

  itLong('fails when acknowledged writes are lost because old copies of the directories are restored', async () => {
    const outcome = await chaos(1, { kinds: ['restore old copies'], faultsMax: 1 })
    assert.ok(!hasPassed(outcome))
    assert.match(formatReport(outcome), /not linearizable[\s\S]*The history is not linearizable/)
  })

  it('fails on a stale read and writes the history and the counterexample', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-artifacts-'))
    const outcome = await chaos(1, { faultsMax: 0, injectsStaleRead: true })
    assert.equal(outcome.verdict.verdict, 'violated')
    writeArtifacts(directory, outcome, { seed: 1 })
    const explanation = readFileSync(join(directory, 'counterexample.txt'), 'utf8')
    assert.match(explanation, /client stale-reader get\('key-\d+'\) returned 'stale\.1'/)
    assert.match(readFileSync(join(directory, 'counterexample.html'), 'utf8'), /<svg[\s\S]*stale\.1/)
    const again = checkHistory(readHistory(join(directory, 'history.jsonl')))
    assert.equal(again.verdict, 'violated')
    rmSync(directory, { recursive: true })
  })
})

describe('the fault plan of a chaos run', () => {
  it('depends only on the seed and uses every kind once before it repeats any', () => {
    const kinds = Object.keys(FAULTS).filter((kind) => isPossible(kind, 3, true))
    const first = (seed: number): PlannedFault[] => {
      const plan = faultPlan(seed, kinds)
      return kinds.map(() => plan.next().value)
    }
    assert.deepEqual(first(7), first(7))
    assert.notDeepEqual(first(7), first(8))
    assert.deepEqual(
      first(7)
        .map(({ kind }) => kind)
        .sort(),
      [...kinds].sort(),
    )
  })
})

describe('the former names of faults', () => {
  it('stand for faults that exist', () => {
    for (const kind of Object.values(FORMER_KINDS)) assert.ok(kind in FAULTS, kind)
  })
})

describe('a history file of a chaos run', () => {
  it('has its schema in the first line and is rejected with another schema', () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-history-'))
    const path = join(directory, 'history.jsonl')
    const call = {
      client: 'c1',
      operation: { type: 'get', key: 'k' },
      calledAt: 1,
      answer: { type: 'ok', at: 2, result: undefined },
    } as const
    writeFileSync(path, formatHistory([call], { seed: 1 }))
    assert.equal(checkHistory(readHistory(path)).verdict, 'linearizable')
    writeFileSync(path, formatHistory([call], {}).replace('history/v1', 'history/v2'))
    assert.throws(() => readHistory(path), /its schema is quorate\.history\/v2, not quorate\.history\/v1/)
    rmSync(directory, { recursive: true })
  })
})

async function chaos(nodes: number, options: Partial<ChaosOptions>): Promise<ChaosOutcome> {
  const ids = Array.from({ length: nodes }, (_, offset) => `n${offset + 1}`)
  const timing = { electionTimeout: '200-400ms', snapshotEntries: 100 }
  const name = 'chaos-test'
  removeLeftovers(name)
  const cluster = new ProcessCluster({ name, initialMembers: ids, command: (args) => start(args), ...timing })
  for (const id of ids) await cluster.addNode(id)
  try {
    return await runChaos(cluster, {
      seed: 15,
      forMs: 60_000,
      clients: 2,
      onLine: () => undefined,
      signal: new AbortController().signal,
      ...options,
    })
  } finally {
    await cluster.close()
  }
}
