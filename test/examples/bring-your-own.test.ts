/** The storage of the example passes the contract: with power cuts, lost syncs, full disks and damage. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PowerCutDirectory, storageContract } from 'quorate/testing'
import { FileStorage } from '../../examples/bring-your-own/file-storage.ts'
import { freeRange } from '../../src/cli/demo/free-ports.ts'
import { assertPrinted } from './programs.ts'

const ROOT = join(import.meta.dirname, '..', '..')

storageContract({
  ...{ describe, it, histories: 1 },
  make: async () => {
    const directory = await PowerCutDirectory.create()
    return {
      ...directory.fixture,
      createStorage: () => directory.register(new FileStorage(directory.path)),
      damages: async () =>
        readdirSync(directory.path).flatMap((name) => {
          const path = join(directory.path, name)
          const flip = async (): Promise<void> => {
            const bytes = readFileSync(path)
            const middle = bytes.length >> 1
            bytes[middle] = (bytes[middle] ?? 0) ^ 1
            writeFileSync(path, bytes)
          }
          return [
            { description: `a flipped bit in ${name}`, apply: flip },
            { description: `no ${name}`, apply: async () => rmSync(path) },
          ]
        }),
    }
  },
})

describe('the example of a storage', function () {
  this.timeout(60_000)

  it('keeps what three nodes have written when they are started again', async () => {
    const args = ['--import', 'tsx', 'examples/bring-your-own/main.ts', '--port', `${await freeRange(30_700, 3)}`]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
    assert.equal(stdout, 'the sum is 40\nafter a restart the sum is 42\nn1 has the files state\n')
    assertPrinted('bring-your-own', stdout)
  })
})
