/** The museum is looked after with every test run: its bugs still fit the sources, its page tells of all of them, and one is caught. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assertEditsApply, buildMutant } from './build-mutant.ts'
import { KNOWN_BUGS } from './catalog.ts'
import { detect } from './detect.ts'
import { RUNS_MAX } from './known-bug.ts'

const PAGE = join(import.meta.dirname, '..', '..', 'docs/reference/museum.md')

describe('the museum', () => {
  it('has bugs that still fit the sources, each with its own name', async () => {
    for (const { edits } of KNOWN_BUGS) await assertEditsApply(edits)
    assert.equal(new Set(KNOWN_BUGS.map(({ name }) => name)).size, KNOWN_BUGS.length)
  })

  it('has a page that says of each by which of its promises it was caught, within its budget', async () => {
    const page = await readFile(PAGE, 'utf8')
    assert.ok(page.includes(`**${KNOWN_BUGS.length} bugs, all caught.**`), 'make museum writes the page anew')
    for (const { name, detectedBy, runsMax = RUNS_MAX } of KNOWN_BUGS) {
      const row = page.split('\n').find((line) => line.includes(`(\`${name}\`)`))
      assert.ok(row, `${name} is not on the page: make museum writes it anew`)
      const [, , promise = '', runs = ''] = row.split(' | ')
      assert.ok(detectedBy.includes(promise), `${name}: ${promise}`)
      assert.ok(Number(runs) >= 1 && Number(runs) <= runsMax, `${name}: ${runs}`)
    }
  })

  it('catches a bug, and says so of the promise that was named for it', async () => {
    const exhibit = KNOWN_BUGS.find(({ name }) => name === 'vote-forgotten-on-role-change')
    assert.ok(exhibit)
    const { detectedBy, problem } = await detect(exhibit)
    assert.equal(problem, undefined)
    assert.equal(detectedBy, 'I2')
  })

  it('does not take a healthy node for a bug', async () => {
    const result = await detect({
      ...{ name: 'none', does: 'is well', system: 'nobody', sources: [], edits: [], detectedBy: ['I1'] },
      runsMax: 5,
    })
    assert.equal(result.problem, 'nothing was noticed in 5 runs')
  })

  it('says when a bug does not fit any more', async () => {
    const edit = { file: 'src/core/rules/vote.ts', from: 'this was never there', to: '' }
    await assert.rejects(assertEditsApply([edit]), /src\/core\/rules\/vote.ts has 0 places that read/)
    await assert.rejects(buildMutant('misfit', [edit]), /has 0 places/)
  })
})
