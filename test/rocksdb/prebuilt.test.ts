/** The prebuilt addon is tested in a child process if loading it could crash this one. */
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

  it('is rejected with a reason if loading it would crash the process', () => {
    assert.throws(
      () => assertLoadable(entry('process.abort()'), '22.12.0'),
      (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_RUNTIME'))
        assert.match(error.message, /does not load under Node 22\.12\.0 on .*: a test process ended with SIGABRT$/)
        assert.match(String(error.hint), /^build it here with npm rebuild rocksdb --build-from-source/)
        return true
      },
    )
  })

  it('is accepted if it loads in the child process', () => {
    assertLoadable(entry('module.exports = 1'), '22.12.0')
  })

  it('is not tested under older releases of Node or if it was built from source', () => {
    const file = entry('process.abort()')
    assertLoadable(file, '20.19.0')
    mkdirSync(join(directory, 'build', 'Release'), { recursive: true })
    assertLoadable(file, '22.12.0')
  })
})
