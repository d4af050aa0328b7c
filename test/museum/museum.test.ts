/** The museum is looked after with every test run: its bugs still fit the sources, its page tells of all of them, and one is caught. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SEEDS_MAX } from './exhibit.ts'
import { assertFits, forge } from './forge.ts'
import { hunt } from './hunt.ts'
import { EXHIBITS } from './museum.ts'

const PAGE = join(import.meta.dirname, '..', '..', 'docs/reference/museum.md')

describe('the museum', () => {
  it('has bugs that still fit the sources, each with its own name', async () => {
    for (const { edits } of EXHIBITS) await assertFits(edits)
    assert.equal(new Set(EXHIBITS.map(({ name }) => name)).size, EXHIBITS.length)
  })

  it('has a page that says of each by which of its promises it was caught, within its budget', async () => {
    const page = await readFile(PAGE, 'utf8')
    assert.ok(page.includes(`**${EXHIBITS.length} bugs, all caught.**`), 'make museum writes the page anew')
    for (const { name, caughtBy, seedsMax = SEEDS_MAX } of EXHIBITS) {
      const row = page.split('\n').find((line) => line.includes(`(\`${name}\`)`))
      assert.ok(row, `${name} is not on the page: make museum writes it anew`)
      const [, , promise = '', runs = ''] = row.split(' | ')
      assert.ok(caughtBy.includes(promise), `${name}: ${promise}`)
      assert.ok(Number(runs) >= 1 && Number(runs) <= seedsMax, `${name}: ${runs}`)
    }
  })

  it('catches a bug, and says so of the promise that was named for it', async () => {
    const exhibit = EXHIBITS.find(({ name }) => name === 'vote-forgotten-on-role-change')
    assert.ok(exhibit)
    const { caughtBy, trouble } = await hunt(exhibit)
    assert.equal(trouble, undefined)
    assert.equal(caughtBy, 'I2')
  })

  it('does not take a healthy node for a bug', async () => {
    const result = await hunt({
      ...{ name: 'none', does: 'is well', system: 'nobody', sources: [], edits: [], caughtBy: ['I1'] },
      seedsMax: 5,
    })
    assert.equal(result.trouble, 'nothing was noticed in 5 runs')
  })

  it('says when a bug does not fit any more', async () => {
    const edit = { file: 'src/core/rules/vote.ts', from: 'this was never there', to: '' }
    await assert.rejects(assertFits([edit]), /src\/core\/rules\/vote.ts has 0 places that read/)
    await assert.rejects(forge('misfit', [edit]), /has 0 places/)
  })
})
