import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkRuns } from '../../src/testing/check-runs.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { replayRun } from '../../src/testing/run-files/replay-run.ts'
import { parseRun } from '../../src/testing/run-files/run-file.ts'
import { machineUnderTest } from '../../src/testing/state-machine/machine-under-test.ts'
import { parsePage } from '../lane-diagram/parsed-page.ts'
import { MUTANTS } from '../simulation/mutants.ts'

describe('a run that fails', () => {
  const interceptors = MUTANTS.find(({ name }) => name === 'sends messages before its write is durable')?.interceptors
  const options = { runs: 5, seed: 1, shrinksMax: 30, fixed: { interceptors } }
  let directory = ''
  let report = ''
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-failed-'))
    report = await failureOf(checkRuns({ ...options, directory }))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const fileIn = (folder: string, extension: string): string =>
    join(folder, readdirSync(folder).find((name) => name.endsWith(extension)) ?? `no ${extension}`)
  const textOf = (): string => readFileSync(fileIn(directory, '.txt'), 'utf8')

  it('is written to a file whose path is in the report', () => {
    const path =
      /The run file is (\S+)\. To replay it in a test: replayRun\(text, \{ interceptors \}\)/.exec(report)?.[1] ?? ''
    assert.ok(existsSync(path), report.slice(0, 500))
  })

  it('is written as a page too, whose path is in the report and which contains the run file', () => {
    const path = /^To see the run in a browser: (\S+)$/m.exec(report)?.[1] ?? ''
    assert.equal(path, fileIn(directory, '.html'), report.slice(0, 800))
    const document = parsePage(readFileSync(path, 'utf8'))
    assert.equal(document.querySelector('h1')?.textContent, 'I12 persist before send is violated')
    assert.equal(document.querySelector('details pre')?.textContent, textOf())
  })

  it('is reported without calls and faults that the failure does not need', () => {
    const { run } = parseRun(textOf())
    assert.ok(run.workload.length + run.faults.length <= 2, textOf())
  })

  it('shows the same violation at the same event with the same state when it is replayed', async () => {
    const replay = await replayRun(textOf(), { interceptors })
    assert.ok(replay.failure instanceof PropertyViolation)
    assert.ok(report.startsWith(replay.failure.message))
    assert.equal(replay.isSame, true)
    assert.equal(replay.text, textOf())
  })

  it('has the same outcome if a later release explains the violation in other words', async () => {
    const text = textOf().replace(/^(broken \S+ at event \d+): .*$/m, '$1: other words')
    assert.match(text, /: other words\n/)
    const replay = await replayRun(text, { interceptors })
    assert.equal(replay.isSame, true)
    assert.equal(replay.text, text)
  })

  it('has another outcome once the bug is fixed', async () => {
    const replay = await replayRun(textOf().replace('needs interceptors\n', ''))
    assert.equal(replay.isSame, false)
    assert.equal(replay.failure, undefined)
    assert.match(replay.outcome.verdict, /^kept until event \d+$/)
  })

  it('has an outcome without a stack trace, because source positions change', async () => {
    const machine = machineUnderTest({
      command: (number) => number,
      make: () => ({
        apply: () => {
          throw new Error('too much')
        },
        snapshot: () => [],
        restore: async () => {},
      }),
    })
    const inside = join(directory, 'thrown')
    await failureOf(checkRuns({ runs: 5, seed: 1, shrinksMax: 20, directory: inside, fixed: { machine } }))
    const text = readFileSync(fileIn(inside, '.txt'), 'utf8')
    rmSync(inside, { recursive: true })
    assert.match(text, /\nneeds machine\n/)
    assert.match(text, /\nbroken L0 at event \d+: .*: Error: too much\nstate /)
    assert.equal((await replayRun(text, { machine })).text, text)
  })

  it('is reported even if its file cannot be written', async () => {
    const file = join(directory, 'a-file')
    writeFileSync(file, '')
    const anyway = await failureOf(checkRuns({ ...options, shrinksMax: 0, directory: file }))
    rmSync(file)
    assert.match(anyway, /^I12 persist before send is violated/)
    assert.match(anyway, /The run file could not be written to \S+a-file: EEXIST/)
  })
})

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('no violation was detected'),
    (reason: Error) => reason,
  )
  return error.message
}
