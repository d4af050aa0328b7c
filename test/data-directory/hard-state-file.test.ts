/** Term and vote on disk survive the damage, loss or torn write of either file. */
import assert from 'node:assert/strict'
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HardStateFile } from '../../src/data-directory/hard-state-file.ts'
import { isRaftError } from '../../src/errors.ts'
import { watchFiles } from '../../src/testing/disk/watched-files.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

describe('the hard-state file pair', () => {
  let root: string
  let paths: [string, string]

  beforeEach(async () => {
    root = await temporaryDirectory()
    paths = [join(root, 'hard-state-a'), join(root, 'hard-state-b')]
    await HardStateFile.create(paths)
  })
  afterEach(async () => {
    for (const file of opened.splice(0)) await file.close()
    await rm(root, { recursive: true, force: true })
  })

  const opened: HardStateFile[] = []
  const openFile = async (): Promise<HardStateFile> => {
    const file = await HardStateFile.open(paths)
    opened.push(file)
    return file
  }

  const vote = async (term: number, votedFor: string) => (await openFile()).save({ term, votedFor })
  const reopen = async () => {
    const { term, votedFor } = (await openFile()).record
    return `${votedFor} in ${term}`
  }

  for (const which of [0, 1] as const)
    for (const { how, damage } of [
      { how: 'a flipped bit', damage: flip },
      { how: 'a torn write', damage: (path: string) => truncate(path, 100) },
      { how: 'overwriting with zeros', damage: (path: string) => writeFile(path, Buffer.alloc(4096)) },
      { how: 'the loss of the file', damage: (path: string) => rm(path) },
    ])
      it(`has the newest vote after ${how} in copy ${'ab'[which]}, and repairs that copy`, async () => {
        await vote(1, 'b')
        await vote(2, 'c')
        await damage(paths[which])
        assert.equal(await reopen(), 'c in 2')
        await damage(paths[1 - which] as string)
        assert.equal(await reopen(), 'c in 2')
      })

  it('uses the newer record after a crash between the two writes', async () => {
    await vote(1, 'b')
    const old = await readFile(paths[1])
    await vote(2, 'c')
    await writeFile(paths[1], old)
    assert.equal(await reopen(), 'c in 2')
    assert.ok(!(await readFile(paths[1])).equals(old))
  })

  it('does not open if both copies are damaged, and names both', async () => {
    await vote(1, 'b')
    for (const path of paths) await flip(path)
    await assert.rejects(
      HardStateFile.open(paths),
      (error) => isRaftError(error, 'ERR_RAFT_CORRUPT') && /hard-state-a.*hard-state-b/.test(error.message),
    )
  })

  it('rejects a save if one copy cannot be written, and keeps the old record', async () => {
    await vote(1, 'b')
    const file = await openFile()
    await rm(paths[1])
    await mkdir(paths[1])
    await assert.rejects(file.save({ term: 2, votedFor: 'c' }), (error) => isRaftError(error, 'ERR_RAFT_STORAGE'))
    assert.equal(file.record.term, 1)
  })

  it('saves a vote while no further file can be opened', async () => {
    const file = await openFile()
    await withoutDescriptors(root, () => file.save({ term: 3, votedFor: 'd' }))
    assert.equal(await reopen(), 'd in 3')
  })

  it('rejects a vote for a node id that does not fit', async () => {
    const file = await openFile()
    await assert.rejects(file.save({ votedFor: 'x'.repeat(5000) }), (error) => isRaftError(error, 'ERR_RAFT_TOO_LARGE'))
  })
})

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[20] = (bytes[20] ?? 0) ^ 4
  await writeFile(path, bytes)
}

/** Runs an action while no file in the directory can be opened (EMFILE). */
async function withoutDescriptors(directory: string, action: () => Promise<void>): Promise<void> {
  const nothing = async (): Promise<void> => undefined
  const unwatch = await watchFiles(directory, {
    beforeOpen: (path) => {
      throw Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE' })
    },
    ...{
      afterCreate: () => undefined,
      tearAt: (length: number) => length >> 1,
      beforeWrite: () => undefined,
      duringWrite: nothing,
      beforeSync: nothing,
      afterSync: () => undefined,
    },
    afterWrite: nothing,
    ...{ beforeRename: nothing, afterRename: nothing, beforeRemove: nothing },
  })
  try {
    await action()
  } finally {
    unwatch()
  }
}
