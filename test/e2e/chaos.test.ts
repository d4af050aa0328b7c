/** Chaos in small: the same run as `make chaos`, for seconds; and that it would notice a lie, and a crime. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessCluster } from '../../chaos/cluster/process-cluster.ts'
import { clearLeftovers } from '../../chaos/cluster/run-directory.ts'
import { historyText, keepEvidence, readHistory } from '../../chaos/evidence.ts'
import { judge } from '../../chaos/judge.ts'
import type { PlannedFault } from '../../chaos/nemesis/nemesis.ts'
import { FAULTS, isPossible, planOf } from '../../chaos/nemesis/nemesis.ts'
import { isGood, reportOf } from '../../chaos/report.ts'
import type { ChaosOptions, ChaosOutcome } from '../../chaos/run.ts'
import { runChaos } from '../../chaos/run.ts'
import { start } from './command.ts'

describe('chaos', function () {
  this.timeout(90_000)

  it('finds three real nodes linearizable, whose leader is killed', async () => {
    const outcome = await chaos(3, { kinds: ['kill the leader'], faultsMax: 1, clients: 5, callsMin: 100 })
    assert.ok(isGood(outcome), reportOf(outcome))
    assert.ok(outcome.keys.some(({ history }) => history.calls.length > 10))
    assert.match(reportOf(outcome), /kill the leader 1.*\n(?:.*\n)*nodes +3 equal.*\nverdict +linearizable/)
  })

  it('notices that acknowledged writes are gone, when old copies of the directories are put back', async () => {
    const outcome = await chaos(1, { kinds: ['restore old copies'], faultsMax: 1 })
    assert.ok(!isGood(outcome))
    assert.match(reportOf(outcome), /not linearizable[\s\S]*The history is not linearizable/)
  })

  it('notices a stale read, and keeps what a person needs to see it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-evidence-'))
    const outcome = await chaos(1, { faultsMax: 0, isLying: true })
    assert.equal(outcome.verdict.verdict, 'violated')
    keepEvidence(directory, outcome, { seed: 1 })
    const said = readFileSync(join(directory, 'counterexample.txt'), 'utf8')
    assert.match(said, /client liar get\('key-\d+'\) was told 'liar\.1'/)
    assert.match(readFileSync(join(directory, 'counterexample.html'), 'utf8'), /<svg[\s\S]*liar\.1/)
    const again = judge(readHistory(join(directory, 'history.jsonl')))
    assert.equal(again.verdict, 'violated')
    rmSync(directory, { recursive: true })
  })
})

describe('the plan of chaos', () => {
  it('is the same for the same seed, and has every kind before any comes again', () => {
    const kinds = Object.keys(FAULTS).filter((kind) => isPossible(kind, 3, true))
    const first = (seed: number): PlannedFault[] => {
      const plan = planOf(seed, kinds)
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

describe('a history that was kept', () => {
  it('says by its first line what it is, and is refused if it is something else', () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-history-'))
    const path = join(directory, 'history.jsonl')
    const call = {
      client: 'c1',
      operation: { type: 'get', key: 'k' },
      calledAt: 1,
      answer: { type: 'ok', at: 2, result: undefined },
    } as const
    writeFileSync(path, historyText([call], { seed: 1 }))
    assert.equal(judge(readHistory(path)).verdict, 'linearizable')
    writeFileSync(path, historyText([call], {}).replace('history/v1', 'history/v2'))
    assert.throws(() => readHistory(path), /its schema is quorate\.history\/v2, not quorate\.history\/v1/)
    rmSync(directory, { recursive: true })
  })
})

async function chaos(nodes: number, options: Partial<ChaosOptions>): Promise<ChaosOutcome> {
  const ids = Array.from({ length: nodes }, (_, offset) => `n${offset + 1}`)
  const pace = { electionTimeout: '200-400ms', snapshotEntries: 100 }
  const name = 'chaos-test'
  clearLeftovers(name)
  const cluster = new ProcessCluster({ name, first: ids, command: (words) => start(words), ...pace })
  for (const id of ids) await cluster.place(id)
  const said: string[] = []
  const heard = (line: string): unknown => said.push(line)
  try {
    return await runChaos(cluster, {
      seed: 15,
      forMs: 60_000,
      clients: 2,
      heard,
      signal: new AbortController().signal,
      ...options,
    })
  } finally {
    await cluster.close()
  }
}
