/** Each sync on which durability depends is removed from our sources in turn: the storage contract must notice. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { detectMissingSync, MISSING_SYNCS } from './missing-syncs.ts'

const PAGE = join(import.meta.dirname, '..', '..', 'docs/reference/museum.md')

describe('the storage contract detects a missing sync', function () {
  this.timeout(60_000)
  for (const sync of MISSING_SYNCS)
    it(sync.name, async () => {
      const title = await detectMissingSync(sync)
      assert.ok(title !== undefined, 'every check of crashes passes')
      const page = await readFile(PAGE, 'utf8')
      const row = `| ${sync.does} (\`${sync.name}\`) | \`${sync.storage}\` | ${title} |`
      assert.ok(page.includes(row), `\`make known-bugs\` writes the page; the row is: ${row}`)
    })
})
