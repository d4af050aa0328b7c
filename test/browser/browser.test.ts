import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import * as inBrowsers from '../../src/testing/browser.ts'
import * as everything from '../../src/testing/index.ts'
import { ROOT } from '../public/pack.ts'
import { needBrowser, runInBrowser } from './browser.ts'
import { type Outcome, work } from './work.ts'

const RUN_FILE = readFileSync(join(ROOT, 'test/runs/every-call-and-fault-once.txt'), 'utf8')

/** Files, child processes, node:assert or fast-check. */
const NEEDS_NODE = [
  ...['PowerCutDirectory', 'TcpProxy', 'checkRuns', 'checkStateMachine', 'clusters', 'faultPlans', 'proxiedTransports'],
  ...['replayStateMachine', 'runPlans', 'scenarios', 'settings', 'storageContract', 'transportContract', 'workloads'],
]

describe('quorate/memory and the simulator of quorate/testing', function () {
  this.timeout(180_000)
  let directory = ''
  let bundle = ''

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-page-'))
    bundle = await bundleForBrowsers(directory)
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('are bundled for browsers without replacements for modules of Node.js', () => {
    assert.doesNotMatch(bundle, /require\(|from ?["']node:/)
  })

  it('lack only what needs Node.js', () => {
    const needsNode = Object.keys(everything).filter((name) => !Object.hasOwn(inBrowsers, name))
    assert.deepEqual(
      needsNode.sort(),
      NEEDS_NODE,
      'export it from src/testing/browser.ts too, or list it here and on the page',
    )
    assert.deepEqual(
      Object.keys(inBrowsers).filter((name) => !Object.hasOwn(everything, name)),
      [],
    )
  })

  it('are bundled as a classic script too, which has no import.meta', async () => {
    const entry = join(directory, 'kit.ts')
    writeFileSync(entry, `export * from 'quorate/testing'`)
    const [script] = await bundled(entry, { format: 'iife', globalName: 'kit' })
    const { simulate } = new Function(`${script}; return kit`)() as typeof inBrowsers
    assert.equal((await simulate({ seed: 1, workload: [], faults: [], healAtMs: 500 })).failure, undefined)
  })

  it('run in Chromium, and the same seed gives the same events and the same states as in Node.js', async function () {
    const browser = needBrowser.call(this)
    const [there, here] = [
      JSON.parse(await runInBrowser(browser, bundle)) as Outcome | { error: string },
      await work(RUN_FILE),
    ]
    assert.ok(!('error' in there), 'error' in there ? there.error : '')
    assert.equal(there.file.text, RUN_FILE, 'it ends in the state of the file')
    for (const [offset, run] of here.runs.entries()) {
      const other: Outcome['runs'][number] | undefined = there.runs[offset]
      for (const part of ['trace', 'recording', 'verdict'] as const)
        assert.equal(firstDifferentLines(other?.[part], run[part]), undefined, `${part} of run ${offset}`)
    }
    assert.equal(firstDifferentLines(there.file.trace, here.file.trace), undefined)
    assert.deepEqual(there.file.state, JSON.parse(JSON.stringify(here.file.state)))
    assert.deepEqual(there.answers, [1, 2, 3, 4, 'to be or not'])
  })
})

/** The first lines that differ, or undefined. */
function firstDifferentLines(one = '', other = ''): readonly [string | undefined, string | undefined] | undefined {
  const [lines, others] = [one.split('\n'), other.split('\n')]
  const at = lines.findIndex((line, offset) => line !== others[offset])
  if (at < 0) return lines.length === others.length ? undefined : [undefined, others[lines.length]]
  return [lines[at], others[at]]
}

/** Bundles the built package, as a project that has installed it does. */
async function bundleForBrowsers(directory: string): Promise<string> {
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(ROOT, join(directory, 'node_modules/quorate'))
  const page = `
    import { work } from ${JSON.stringify(join(directory, 'work.ts'))}
    const send = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) })
    work(${JSON.stringify(RUN_FILE)}).then(send, (error) => send({ error: String(error.stack) }))`
  writeFileSync(join(directory, 'page.ts'), page)
  writeFileSync(join(directory, 'work.ts'), readFileSync(join(import.meta.dirname, 'work.ts')))
  const [bundle, warnings] = await bundled(join(directory, 'page.ts'), { format: 'esm' })
  assert.deepEqual(warnings, [])
  return bundle
}

async function bundled(
  entry: string,
  format: { readonly format: 'esm' | 'iife'; readonly globalName?: string },
): Promise<[bundle: string, warnings: readonly unknown[]]> {
  const entryPoints = [entry]
  const { outputFiles, warnings } = await build({
    ...{ entryPoints, bundle: true, platform: 'browser', write: false, logLevel: 'silent', ...format },
  })
  return [outputFiles[0]?.text ?? '', warnings]
}
