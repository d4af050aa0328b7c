/** Tests that the how-to pages show the interfaces of the contracts as they are in the source. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { CONTRACT_PAGES, withContracts } from '../../scripts/contract-blocks.ts'

describe('the interfaces', () => {
  for (const page of CONTRACT_PAGES)
    it(`in ${basename(page)} are those of the source`, () => {
      const text = readFileSync(page, 'utf8')
      assert.match(text, /^```typescript$/m)
      assert.equal(text, withContracts(text), 'run `make fix` and review the difference')
    })
})
