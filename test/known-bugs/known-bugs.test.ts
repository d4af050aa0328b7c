/** Checks on every test run that all known bugs apply to the sources, that the page lists them all, and that one of them is detected. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assertEditsApply, buildMutant } from './build-mutant.ts'
import { KNOWN_BUGS } from './catalog.ts'
import { detect } from './detect.ts'
import { RUNS_MAX } from './known-bug.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGE = join(ROOT, 'docs/reference/museum.md')

describe('the known bugs', () => {
  it('have unique names', () => {
    assert.equal(new Set(KNOWN_BUGS.map(({ name }) => name)).size, KNOWN_BUGS.length)
  })

  for (const { name, edits } of KNOWN_BUGS)
    it(`include ${name}, whose edits apply to the sources`, () => assertEditsApply(edits))

  it('are all on the page, each with a property that was named for it and a number of runs within its limit', async () => {
    const page = await readFile(PAGE, 'utf8')
    assert.ok(page.includes(`**${KNOWN_BUGS.length} bugs, all detected.**`), '`make known-bugs` writes the page')
    for (const { name, detectedBy, runsMax = RUNS_MAX } of KNOWN_BUGS) {
      const row = page.split('\n').find((line) => line.includes(`(\`${name}\`)`))
      assert.ok(row, `${name} is not on the page: \`make known-bugs\` writes it`)
      const [, , property = '', runs = ''] = row.split(' | ')
      assert.ok(detectedBy.includes(property), `${name}: ${property}`)
      assert.ok(Number(runs) >= 1 && Number(runs) <= runsMax, `${name}: ${runs}`)
    }
  })

  it('are as many as README.md says', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
    assert.equal(Number(/\| simulator \| (\d+) bugs /.exec(readme)?.[1]), KNOWN_BUGS.length)
  })

  it('include vote-forgotten-on-role-change, which I2 detects', async () => {
    const bug = KNOWN_BUGS.find(({ name }) => name === 'vote-forgotten-on-role-change')
    assert.ok(bug)
    const { detectedBy, problem } = await detect(bug)
    assert.equal(problem, undefined)
    assert.equal(detectedBy, 'I2')
  })
})

describe('the detection of a known bug', () => {
  it('reports nothing for correct nodes', async () => {
    const { problem } = await detect({
      ...{ name: 'none', does: 'has no bug', system: 'none', sources: [], edits: [], detectedBy: ['I1'] },
      runsMax: 5,
    })
    assert.equal(problem, 'no property was violated in 5 runs')
  })

  it('rejects an edit whose text is not in the sources', async () => {
    const edit = { file: 'src/core/rules/vote.ts', from: 'this was never there', to: '' }
    await assert.rejects(assertEditsApply([edit]), /its text occurs 0 times in src\/core\/rules\/vote.ts/)
    await assert.rejects(buildMutant('misfit', [edit]), /its text occurs 0 times/)
  })
})
