/** Tests that docs/reference/limits.md matches the options in the source. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { LIMITS_PAGE, limitsPage } from '../../scripts/limits-page.ts'

describe('docs/reference/limits.md', () => {
  it('equals what `make fix` writes from the options in the source', () => {
    assert.equal(readFileSync(LIMITS_PAGE, 'utf8'), limitsPage(), 'run `make fix` and review the difference')
  })
})
