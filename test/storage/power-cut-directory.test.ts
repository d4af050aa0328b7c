/** What a power cut leaves of the files of a storage under test. */
import assert from 'node:assert/strict'
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { PowerCutDirectory } from '../../src/testing/disk/power-cut-directory.ts'

describe('a directory whose power is cut', () => {
  let directory: PowerCutDirectory
  beforeEach(async () => {
    directory = await PowerCutDirectory.create()
  })
  afterEach(() => directory.fixture.destroy())

  const write = async (name: string, text: string, isSynced = true, path = directory.path): Promise<void> => {
    const file = await open(join(path, name), 'w')
    await file.write(Buffer.from(text), 0, text.length, 0)
    if (isSynced) await file.sync()
    await file.close()
  }
  const syncNames = async (path = directory.path): Promise<void> => {
    const folder = await open(path)
    await folder.sync()
    await folder.close()
  }
  const text = (name: string): Promise<string> => readFile(join(directory.path, name), 'utf8')

  it('has what was synced, and nothing else', async () => {
    await write('kept', 'synced')
    await write('emptied', 'not synced', false)
    await syncNames()
    await write('without a name', 'synced')
    await directory.fixture.crash()
    assert.deepEqual((await readdir(directory.path)).sort(), ['emptied', 'kept'])
    assert.deepEqual([await text('kept'), await text('emptied')], ['synced', ''])
  })

  it('stays if it was created again, because that creates nothing', async () => {
    await write('kept', 'synced')
    await syncNames()
    await mkdir(directory.path, { recursive: true })
    await directory.fixture.crash()
    assert.equal(await text('kept'), 'synced')
  })

  it('has the old name of a file that was renamed without a sync of the directory', async () => {
    await write('old', 'synced')
    await syncNames()
    await rename(join(directory.path, 'old'), join(directory.path, 'new'))
    await directory.fixture.crash()
    assert.deepEqual(await readdir(directory.path), ['old'])
  })

  it('keeps nothing of syncs that were lost', async () => {
    assert.deepEqual([await directory.fixture.loseSyncs(1), await directory.fixture.loseSyncs(0)], [false, true])
    await write('lost', 'synced')
    await syncNames()
    await directory.fixture.crash()
    assert.equal((await readdir(directory.path)).includes('lost'), false)
  })

  it('is cut at each change in turn, until the call has no more of them', async () => {
    const found = new Set<string>()
    let points = 0
    const replace = async (): Promise<void> => {
      const { path } = directory
      await write('state.new', 'new!', true, path)
      await rename(join(path, 'state.new'), join(path, 'state'))
      await syncNames(path)
    }
    for (let isOver = false; !isOver; points++) {
      await write('state', 'old!')
      await syncNames()
      isOver = !(await directory.fixture.crashWithin(replace, points))
      found.add(await text('state'))
    }
    assert.ok(points > 5, `${points} crash points`)
    assert.deepEqual([...found].sort(), ['new!', 'old!'])
  })

  it('has any part of an unfinished write, of its beginning or of its sectors, and the same part if that is repeated', async () => {
    const parts = async (): Promise<string[]> => {
      const found: string[] = []
      for (let point = 0, isOver = false; !isOver; point++) {
        const { path } = directory
        await write('state', '-'.repeat(64 * 512), true, path)
        await syncNames(path)
        isOver = !(await directory.fixture.crashWithin(() => write('state', '+'.repeat(64 * 512), true, path), point))
        if (!isOver) found.push(await text('state'))
      }
      return found
    }
    const found = await parts()
    const torn = found.filter((part) => part.includes('+') && part.length % 512 !== 0)
    assert.ok(torn.length > 0 && torn.every((part) => part.length !== 32 * 512), `${found.map(({ length }) => length)}`)
    const mixed = found.filter((part) => part.includes('+') && part.includes('\0'))
    const first = mixed.map((part) => [0, 1, 2, 3, 4, 5, 6, 7].map((sector) => part[512 * sector]).join(''))
    assert.ok(new Set(first).size > 1, 'several sets of sectors')
    assert.deepEqual(await parts(), found)
  })

  it('has no space while its disk is full, and fails syncs on request', async () => {
    const free = await directory.fixture.fillDisk()
    await assert.rejects(write('any', 'text'), { code: 'ENOSPC' })
    free()
    await directory.fixture.failWrites()
    await assert.rejects(write('any', 'text'), { code: 'EIO' })
  })
})
