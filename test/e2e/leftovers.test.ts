/** Tests that a chaos run removes what killed runs have left, and nothing else. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepRunDirectory, makeRunDirectory, removeLeftovers } from '../../chaos/cluster/run-directory.ts'

/** Unique to this process, so that parallel test runs do not interfere. */
const NAME = `leftovers-${process.pid}`

describe('the directory of a chaos run', () => {
  const made: string[] = []
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
  })

  it('is removed together with its mounted disk once the process of the run has ended', async () => {
    const run = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'killed-run.ts'), NAME], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [line] = (await once(run.stdout, 'data')) as [Buffer]
      const { directory, disk } = JSON.parse(line.toString()) as { directory: string; disk?: string }
      assert.deepEqual(removeLeftovers(NAME), [], 'the run is still alive')
      assert.ok(existsSync(disk === undefined ? directory : join(disk, 'data')))
      run.kill('SIGKILL')
      await once(run, 'exit')
      assert.deepEqual(removeLeftovers(NAME), [directory])
      assert.ok(!existsSync(directory))
      if (disk !== undefined) assert.ok(!readFileSync('/proc/mounts', 'utf8').includes(directory))
      assert.deepEqual(removeLeftovers(NAME), [])
    } finally {
      run.kill('SIGKILL')
    }
  })

  it('stays if it was kept, has another name, host or no owner, or is a symbolic link', () => {
    const { pid: deadPid } = spawnSync(process.execPath, ['--version'])
    const make = (name: string, owner: string): string => {
      const directory = makeRunDirectory(name)
      made.push(directory)
      writeFileSync(join(directory, 'owner'), owner)
      return directory
    }
    const kept = make(NAME, `${deadPid} on ${hostname()}\n`)
    keepRunDirectory(kept)
    make(`other-${NAME}`, `${deadPid} on ${hostname()}\n`)
    make(NAME, `${deadPid} on another-${hostname()}\n`)
    make(NAME, '')
    make(NAME, `0 on ${hostname()}\n`)
    make(NAME, `${process.pid} on ${hostname()}\n`)
    const target = mkdtempSync(join(tmpdir(), 'quorate-target-'))
    writeFileSync(join(target, 'owner'), `${deadPid} on ${hostname()}\n`)
    const pointer = join(tmpdir(), `quorate-${NAME}-pointer`)
    symlinkSync(target, pointer)
    made.push(target, pointer)
    assert.deepEqual(removeLeftovers(NAME), [])
    assert.deepEqual(
      made.filter((path) => !existsSync(path)),
      [],
    )
    const removed = make(NAME, `${deadPid} on ${hostname()}\n`)
    assert.deepEqual(removeLeftovers(NAME), [removed])
  })
})
