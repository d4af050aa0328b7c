/** Runs some measurements of the benchmark, as `make bench` does, for a fraction of a second each; `make bench ARGS="--preset smoke"` runs all. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertBuilt } from '../../bench/built-processes.ts'
import { runPlan } from '../../bench/plan.ts'
import { type BenchDocument, parseDocument } from '../../bench/report/document.ts'
import { performancePage } from '../../bench/report/page.ts'
import type { Cluster, System } from '../../bench/systems/system.ts'
import { describeLong } from '../long.ts'

/** One on clusters that serve all rounds, one over the network, and one that starts a cluster for each round. */
const MEASURED = ['throughput', 'network', 'snapshot'] as const

const ROOT = join(import.meta.dirname, '..', '..')

describeLong('the benchmark', function () {
  this.timeout(240_000)
  let folder: string
  let document: BenchDocument
  let page: string
  let output: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-bench-test-'))
    const systems = ['--no-peers', '--systems', 'segments+grpc,skeleton file']
    const flags = ['--preset', 'smoke', '--only', MEASURED.join(','), ...systems, '--out', folder]
    const { status, stdout, stderr } = runBench(flags)
    assert.equal(status, 0, stderr)
    output = stdout
    document = parseDocument(readFileSync(join(folder, 'report.json'), 'utf8'))
    page = readFileSync(join(folder, 'report.html'), 'utf8')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('measures the built package', () => {
    assert.equal(document.module, join('dist', 'index.js'))
  })

  it('refuses to measure the sources', () => {
    const source = new URL('../../src/index.ts', import.meta.url).href
    assert.throws(() => assertBuilt(source), /import quorate from .*src\/index\.ts, not from/)
  })

  for (const part of MEASURED)
    it(`writes figures of ${part} for every system and round`, () => {
      const { cases = [], metrics = [] } = document.measurements.find((each) => each.part === part) ?? {}
      assert.ok(cases.length > 0)
      for (const { name, results } of cases)
        for (const { system, rounds } of results)
          for (const { figures, failure } of rounds)
            assert.deepEqual(
              [failure, metrics.filter((metric) => typeof figures[metric] !== 'number')],
              [undefined, []],
              `${name}, ${system}`,
            )
    })

  it('prints a table for every measurement', () => {
    for (const { title } of document.measurements) assert.ok(output.includes(title), title)
  })

  it('writes a page with plots that loads nothing from elsewhere', () => {
    assert.match(page, /<svg [^>]*role="img"/)
    assert.doesNotMatch(page, /<script|<link|<img|@import|url\(|\b(?:src|href)="/)
  })

  it('gives the reason why a system cannot be measured', () => {
    const { PATH: _, ...env } = process.env
    const flags = [
      '--preset',
      'smoke',
      '--only',
      'throughput',
      '--systems',
      'skeleton file,dragonboat',
      '--out',
      folder,
    ]
    const { status, stderr } = runBench(flags, { ...env, PATH: '', XDG_CACHE_HOME: folder })
    assert.equal(status, 0, stderr)
    const missing = parseDocument(readFileSync(join(folder, 'report.json'), 'utf8')).systems.map((each) => each.missing)
    assert.deepEqual(missing, [undefined, 'Go is not installed: there is no `go` on the PATH'])
  })

  it('names what a peer does better on the page for the documentation', () => {
    const [measurement] = document.measurements
    const [one] = measurement?.cases ?? []
    assert.ok(measurement !== undefined && one !== undefined)
    const [ours, other] = one.results
    assert.ok(ours !== undefined && other !== undefined)
    const peer = { ...other, system: 'a peer', kind: 'peer', ratios: { opsPerSecond: 0.5 } } as const
    const measurements = [{ ...measurement, cases: [{ ...one, results: [ours, peer] }] }]
    assert.match(performancePage({ ...document, measurements }), /\| a peer \| ops \S+ \/ \S+ \/s \(0\.50\) \|/)
  })

  it('warns if other work used the machine', () => {
    const machine = { ...document.machine, cores: 2 }
    assert.match(performancePage({ ...document, machine, busyCoresBefore: 1 }), /Other work kept 1\.0 of 2 cores busy/)
    assert.doesNotMatch(performancePage({ ...document, machine, busyCoresBefore: 0.1 }), /Other work/)
  })
})

function runBench(flags: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const command = ['--import', 'tsx', join(ROOT, 'bench/run.ts'), ...flags]
  return spawnSync(process.execPath, command, { cwd: ROOT, env, encoding: 'utf8', timeout: 200_000 })
}

describe('a plan of the benchmark', () => {
  it('measures the other systems if one does not start', async () => {
    const starts: string[] = []
    const system = (name: string, start: () => Promise<Cluster>): System => ({
      ...{ name, kind: 'peer', description: '', missing: async () => undefined },
      start: () => {
        starts.push(name)
        return start()
      },
    })
    const cluster: Cluster = { usages: async () => [], stop: async () => undefined }
    const systems = [
      system('broken', () => Promise.reject(new Error('its port is taken'))),
      system('sound', async () => cluster),
    ]
    const cases = [{ name: 'a case', rounds: 2, run: async () => ({ opsPerSecond: 5 }) }]
    const setup = { nodes: 3, timeouts: 'default', keepValues: false } as const
    const what = { part: 'part', title: 'title', note: 'note', metrics: ['opsPerSecond'] as const }
    const lines: string[] = []
    const { cases: measured } = await runPlan(
      { ...what, systems, stages: [{ setup, isFresh: false, cases }] },
      (line) => lines.push(line),
    )
    assert.deepEqual(starts, ['broken', 'broken', 'sound'])
    assert.deepEqual(
      measured[0]?.results.map(({ system, rounds }) => [system, ...rounds.map((round) => round.failure)]),
      [
        ['broken', 'it did not start: its port is taken', 'it did not start: its port is taken'],
        ['sound', undefined, undefined],
      ],
    )
    assert.ok(lines.includes('broken did not start: its port is taken'))
  })
})
