/** Tests of `quorate replay`: run files, scenarios, recordings and invalid files. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../src/cli/program.ts'
import { replayRun } from '../../src/testing/run-files/replay-run.ts'
import { parsePage } from '../lane-diagram/parsed-page.ts'

const ROOT = join(import.meta.dirname, '../..')
const RUN = join(ROOT, 'test/runs/leader-crashes-twice.txt')
const SCENARIO = join(ROOT, 'test/scenarios/election.txt')

describe('quorate replay', () => {
  const text = readFileSync(RUN, 'utf8')
  let directory = ''
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-replay-'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const written = (content: string): string => {
    const path = join(directory, 'a.txt')
    writeFileSync(path, content)
    return path
  }

  it('prints the end of the trace, the verdict, the state, and that they match the file', async () => {
    const { code, out } = await runReplay(RUN)
    assert.equal(code, 0)
    const outcome = text.slice(text.indexOf('----\n') + 5)
    assert.match(out, /^# quorate trace, version 1\n {2}event .*\n {2}… \d+ earlier lines/)
    assert.ok(out.endsWith(`\n\n${outcome}as in leader-crashes-twice.txt\n`), out.slice(-300))
  })

  it('exits with 1 and prints the outcome in the file if it differs', async () => {
    const { code, out } = await runReplay(written(text.replace(/state .*/, 'state 0123456789abcdef')))
    assert.equal(code, 1)
    assert.match(out, /\ndifferent in a\.txt: kept until event \d+\n +state 0123456789abcdef\n$/)
  })

  it('stops after an event and prints the full state of a node there', async () => {
    const { code, out } = await runReplay(RUN, '--until', '307', '--print', 'n1')
    assert.equal(code, 0)
    assert.match(out, /\n\{\n {2}id: 'n1',\n {2}life: 'up',\n[\s\S]*hardState: \{ term: 1, /)
    assert.match(out, /\nstopped after event 307, at [\d.]+ ms\nstate [0-9a-f]{16}\n$/)
  })

  it('stops at a time before any later event', async () => {
    const { out } = await runReplay(RUN, '--until', '1250ms', '-o', 'json')
    const report = JSON.parse(out)
    assert.equal(report.schema, 'quorate.replay/v1')
    assert.ok(report.isStopped && report.timeUs <= 1_250_000)
    const next = await replayRun(text, { until: { event: report.event + 1 } })
    assert.ok(next.timeUs > 1_250_000)
  })

  it('prints the whole trace as JSON with --trace and --output json', async () => {
    const { out } = await runReplay(RUN, '--trace', '-o', 'json')
    const { trace, isSame, verdict } = JSON.parse(out)
    assert.equal(`${trace.join('\n')}\n`, (await replayRun(text)).trace)
    assert.equal(isSame, true)
    assert.match(verdict, /^kept until event \d+$/)
  })

  it('replays a scenario and exits with 1 if its output differs from the file', async () => {
    const same = await runReplay(SCENARIO)
    assert.equal(same.code, 0)
    assert.ok(same.out.endsWith('\nas in election.txt\n'))
    const other = await runReplay(written(readFileSync(SCENARIO, 'utf8').replace('leads term 1', 'leads term 2')))
    assert.equal(other.code, 1)
    assert.match(other.out, /\nline \d+ is different in the file: .*leads term 2\n$/)
    assert.equal((await runReplay(SCENARIO, '--until', '3')).code, 2)
  })

  it('writes the end of the run as a page with --html', async () => {
    const page = join(directory, 'run.html')
    const { code, out } = await runReplay(RUN, '--html', page)
    assert.equal(code, 0)
    assert.ok(out.endsWith(`\nTo see the run in a browser: ${page}\n`), out.slice(-300))
    const document = parsePage(readFileSync(page, 'utf8'))
    assert.match(document.querySelector('h1')?.textContent ?? '', /^Every property holds until event \d+$/)
    assert.equal(document.querySelector('details:last-of-type pre')?.textContent, text)
    const json = JSON.parse((await runReplay(RUN, '--until', '307', '--html', page, '-o', 'json')).out)
    assert.deepEqual(json.pages, [page])
    assert.match(readFileSync(page, 'utf8'), /until event 307 at /)
    const nowhere = await runReplay(RUN, '--html', join(directory, 'no', 'run.html'))
    assert.equal(nowhere.code, 2)
    assert.match(nowhere.err, /page for a browser cannot be written: ENOENT[\s\S]*--html/)
    assert.equal((await runReplay(SCENARIO, '--html', page)).code, 2)
  })

  it('writes the page of a run that fails without being asked', async () => {
    const failing = written(text.replace('\nheal ', '\nsettings heartbeatIntervalMs=5000\nheal '))
    const { out } = await runReplay(failing)
    assert.match(out, /^(?:broken|failed)/m, out.slice(-500))
    const [, page = ''] = /^To see the run in a browser: (.+)$/m.exec(out) ?? []
    assert.match(readFileSync(page, 'utf8'), /<h1 class="bad">/)
    rmSync(page)
  })

  it('writes a recording and checks it', async () => {
    const recording = join(directory, 'run.jsonl')
    assert.equal((await runReplay(RUN, '--record', recording)).code, 0)
    const kept = await runReplay(recording)
    assert.equal(kept.code, 0)
    assert.match(kept.out, /^kept by all \d+ observations\n$/)
    const lines = readFileSync(recording, 'utf8').split('\n')
    const vote = lines.findIndex(
      (line) => line.includes('"type":"RequestVoteResponse","term":1') && line.includes('"sent"'),
    )
    const falsified = (lines[vote] as string).replace('"term":1', '"term":7')
    const broken = await runReplay(written(lines.with(vote, falsified).join('\n')), '-o', 'json')
    assert.equal(broken.code, 1)
    const report = JSON.parse(broken.out)
    assert.deepEqual([report.kind, report.broken, report.line], ['recording', 'I12', vote + 1])
    assert.equal((await runReplay(recording, '--step')).code, 2)
    const nowhere = await runReplay(RUN, '--record', join(directory, 'gone', 'run.jsonl'))
    assert.equal(nowhere.code, 2)
    assert.match(nowhere.err, /the recording cannot be written: ENOENT/)
  })

  for (const [what, content, message] of [
    [
      'an unknown fault',
      `${text.split('----')[0]}fault 3 flood\n`,
      /error\[ERR_RAFT_RUN_FILE\].*line \d+: unknown fault 'flood'/,
    ],
    [
      'a later version',
      '# quorate run, version 3\n',
      /line 1: the file has version 3 .*\n {2}hint: +Replay it with the release/,
    ],
    [
      'a trace',
      '# quorate trace, version 1\n',
      /line 1: the first line is .*\n {2}hint: +This is a trace: it cannot be replayed;/,
    ],
    [
      'some other text',
      'npm ci\nadded 101 packages\n',
      /it is not a scenario: its first word 'npm' is not a command\n {2}hint: +Pass a/,
    ],
    ['an empty file', '\n', /it is not a scenario: it contains no command/],
    ['a scenario of a later version', '# quorate scenario, version 2\n\nstatus\n', /line 1: the file has version 2/],
    [
      'a run that needs an unknown state machine',
      text.replace('\nheal', '\nneeds machine\nheal'),
      /hint: +Replay it in a test: replayRun/,
    ],
  ] as const)
    it(`exits with 2 for ${what}`, async () => {
      const { code, err } = await runReplay(written(content))
      assert.equal(code, 2)
      assert.match(err, message)
    })

  it('exits with 2 for a file or a node that does not exist', async () => {
    const missing = await runReplay(join(directory, 'gone.txt'))
    assert.equal(missing.code, 2)
    assert.match(missing.err, /gone\.txt cannot be read: ENOENT/)
    const unknown = await runReplay(RUN, '--print', 'n9')
    assert.equal(unknown.code, 2)
    assert.match(unknown.err, /there is no node n9 in this run; there are n0, n1, n2, n3/)
  })

  it('steps through a run by commands from a pipe, in another process, and reaches the same state', async () => {
    const words = ['--import', 'tsx', 'src/cli/main.ts', 'replay', RUN, '--step']
    const { stdout, stderr, status } = spawnSync(process.execPath, words, {
      cwd: ROOT,
      encoding: 'utf8',
      input: '\n\nn 300\np n1\np n9\nwhat\nq\n',
      timeout: 30_000,
    })
    assert.equal(status, 0, stderr)
    const event = Number(/stopped after event (\d+)/.exec(stdout)?.[1])
    assert.ok(event > 300)
    assert.match(stdout, /id: 'n1'/)
    assert.match(stdout, /there is no node 'n9'; there are n0, n1, n2, n3/)
    const here = await replayRun(text, { until: { event } })
    assert.ok(stdout.endsWith(`state ${here.outcome.state}\n`), stdout.slice(-100))
  }).timeout(40_000)
})

async function runReplay(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const terminal = {
    out: (text: string | Uint8Array): void => {
      out += String(text)
    },
    err: (text: string): void => {
      err += text
    },
    isTty: false,
    ask: async () => undefined,
    readInput: async () => new Uint8Array(0),
  }
  return { code: await run(['replay', ...words], terminal, '0.0.0'), out, err }
}
