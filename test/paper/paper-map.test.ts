import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)
const MAP = readFileSync(new URL('docs/reference/paper-map.md', ROOT), 'utf8')

describe('the paper map', () => {
  it('names only files that exist', () => {
    const missing = pathsIn(MAP).filter((path) => !existsSync(fileURLToPath(new URL(path, ROOT))))
    assert.deepEqual(missing, [])
  })

  it('is checked by a pattern that notices a missing file', () => {
    const [path = ''] = pathsIn('see `src/core/rules/nowhere.ts` (`x`)')
    assert.equal(path, 'src/core/rules/nowhere.ts')
    assert.equal(existsSync(fileURLToPath(new URL(path, ROOT))), false)
  })

  it('contains every test of the paper', () => {
    const tests = readdirSync(new URL('test/paper/', ROOT)).filter((name) => /^(\d|thesis)/.test(name))
    assert.ok(tests.length > 10)
    assert.deepEqual(
      tests.filter((name) => !MAP.includes(`\`test/paper/${name}\``)),
      [],
    )
  })
})

function pathsIn(text: string): readonly string[] {
  return [...text.matchAll(/`((?:src|test)\/[^`]+)`/g)].map(([, path]) => path as string)
}
