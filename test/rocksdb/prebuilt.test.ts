/** What is prebuilt is tried in another process where it may end this one. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRaftError } from '../../src/errors.ts'
import { assertLoadable } from '../../src/rocksdb/prebuilt.ts'

describe('the prebuilt addon', () => {
  let directory = ''
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-prebuilt-'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const entry = (text: string): string => {
    const file = join(directory, 'addon.cjs')
    writeFileSync(file, text)
    return file
  }

  it('is refused in words where it would end the process', () => {
    assert.throws(
      () => assertLoadable(entry('process.abort()'), '22.12.0'),
      (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_RUNTIME'))
        assert.match(
          error.message,
          /does not load under Node 22\.12\.0 on .*: a process that tried ended with SIGABRT$/,
        )
        assert.match(String(error.hint), /^build it here with npm rebuild rocksdb --build-from-source/)
        return true
      },
    )
  })

  it('is loaded where it loads elsewhere', () => {
    assertLoadable(entry('module.exports = 1'), '22.12.0')
  })

  it('is not tried under the releases it was made for, nor where it was built from its sources', () => {
    const file = entry('process.abort()')
    assertLoadable(file, '20.19.0')
    mkdirSync(join(directory, 'build', 'Release'), { recursive: true })
    assertLoadable(file, '22.12.0')
  })
})
