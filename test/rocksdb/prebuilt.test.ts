/** The prebuilt addon is loaded from a corrected copy, or tested in a child process, if loading it could crash this one. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isRaftError } from '../../src/errors.ts'
import { loadPrebuilt, type Platform, THIS_PLATFORM } from '../../src/rocksdb/prebuilt.ts'

const NODE_22: Platform = { ...THIS_PLATFORM, nodeVersion: '22.12.0' }
const PREBUILT = join('prebuilds', 'linux-x64', 'node.napi.glibc.node')

describe('the prebuilt addon', () => {
  let directory = ''
  let temporary: string | undefined
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-prebuilt-'))
    temporary = process.env.TMPDIR
  })
  afterEach(() => {
    if (temporary === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = temporary
    rmSync(directory, { recursive: true, force: true })
  })

  const entry = (text: string): string => {
    const file = join(directory, 'addon.cjs')
    writeFileSync(file, text)
    return file
  }

  it('is rejected with a reason if loading it would crash the process', () => {
    assert.throws(
      () => loadPrebuilt(entry('process.abort()'), NODE_22),
      (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_RUNTIME'))
        assert.match(error.message, /does not load under Node 22\.12\.0 on .*: a test process ended with SIGABRT$/)
        assert.match(String(error.hint), /^build it here with npm rebuild rocksdb --build-from-source/)
        return true
      },
    )
  })

  it('is left to the package if it loads in the child process', () => {
    assert.equal(loadPrebuilt(entry('module.exports = 1'), NODE_22), undefined)
  })

  it('is not tested under older releases of Node or if it was built from source', () => {
    const file = entry('process.abort()')
    assert.equal(loadPrebuilt(file, { ...THIS_PLATFORM, nodeVersion: '20.19.0' }), undefined)
    mkdirSync(join(directory, 'build', 'Release'), { recursive: true })
    assert.equal(loadPrebuilt(file, NODE_22), undefined)
  })

  describe('of rocksdb 5.2.1 for Linux x64 with glibc', () => {
    const published = createRequire(import.meta.url).resolve('rocksdb')

    before(function () {
      const isHere = THIS_PLATFORM.platform === 'linux' && THIS_PLATFORM.arch === 'x64' && !THIS_PLATFORM.isMusl
      if (!isHere || !existsSync(join(dirname(published), PREBUILT))) this.skip()
    })

    /** A package that has only the prebuilt file, and a folder for temporary files of its own. */
    const packageOnly = (): string => {
      const file = join(directory, PREBUILT)
      mkdirSync(dirname(file), { recursive: true })
      copyFileSync(join(dirname(published), PREBUILT), file)
      const folder = join(directory, 'tmp')
      mkdirSync(folder)
      process.env.TMPDIR = folder
      return entry('process.abort()')
    }

    it('is loaded from a corrected copy, of which no file remains', () => {
      const addon = loadPrebuilt(packageOnly(), NODE_22) as Record<string, unknown>
      assert.equal(typeof addon.db_open, 'function')
      assert.deepEqual(readdirSync(join(directory, 'tmp')), [])
    })

    it('is loaded from another folder if the one for temporary files cannot be used', () => {
      const file = packageOnly()
      process.env.TMPDIR = join(directory, 'missing')
      const addon = loadPrebuilt(file, NODE_22) as Record<string, unknown>
      assert.equal(typeof addon.db_open, 'function')
    })

    it('is not corrected if it is another file than the known one', () => {
      const file = packageOnly()
      writeFileSync(join(directory, PREBUILT), 'another build')
      assert.throws(
        () => loadPrebuilt(file, NODE_22),
        (error) => isRaftError(error, 'ERR_RAFT_RUNTIME'),
      )
    })
  })
})
