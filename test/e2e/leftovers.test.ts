/** What a killed run of chaos leaves behind is cleared away by the next one; what is anybody's else stays. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepRunDirectory, makeRunDirectory, removeLeftovers } from '../../chaos/cluster/run-directory.ts'

/** Of this process's tests only. */
const NAME = `leftovers-${process.pid}`

describe('what runs of chaos leave behind', () => {
  const made: string[] = []
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
  })

  it('is cleared away with its disk once the run is dead, and not before', async () => {
    const run = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'killed-run.ts'), NAME], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [line] = (await once(run.stdout, 'data')) as [Buffer]
      const { directory, disk } = JSON.parse(line.toString()) as { directory: string; disk?: string }
      assert.deepEqual(removeLeftovers(NAME), [], 'it is still alive')
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

  it('stays if it is kept, another name’s, another host’s, nobody’s, or only points somewhere', () => {
    const { pid: dead } = spawnSync(process.execPath, ['--version'])
    const left = (name: string, owner: string): string => {
      const directory = makeRunDirectory(name)
      made.push(directory)
      writeFileSync(join(directory, 'owner'), owner)
      return directory
    }
    const kept = left(NAME, `${dead} on ${hostname()}\n`)
    keepRunDirectory(kept)
    left(`other-${NAME}`, `${dead} on ${hostname()}\n`)
    left(NAME, `${dead} on another-${hostname()}\n`)
    left(NAME, '')
    left(NAME, `0 on ${hostname()}\n`)
    left(NAME, `${process.pid} on ${hostname()}\n`)
    const target = mkdtempSync(join(tmpdir(), 'quorate-target-'))
    writeFileSync(join(target, 'owner'), `${dead} on ${hostname()}\n`)
    const pointer = join(tmpdir(), `quorate-${NAME}-pointer`)
    symlinkSync(target, pointer)
    made.push(target, pointer)
    assert.deepEqual(removeLeftovers(NAME), [])
    assert.deepEqual(
      made.filter((path) => !existsSync(path)),
      [],
    )
    const cleared = left(NAME, `${dead} on ${hostname()}\n`)
    assert.deepEqual(removeLeftovers(NAME), [cleared])
  })
})
