/** Files that are replaced as a whole, and verified when they are read. */
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { RaftError } from 'quorate'

const CHECKSUM_BYTES = 4
const TEMPORARY = '.tmp'

export class CheckedFiles {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** The names of all files. Removes what an interrupted write has left. */
  async open(): Promise<string[]> {
    await storing(mkdir(this.path, { recursive: true }))
    const names = await storing(readdir(this.path))
    for (const name of names.filter((each) => each.endsWith(TEMPORARY))) await storing(unlink(join(this.path, name)))
    return names.filter((each) => !each.endsWith(TEMPORARY))
  }

  async list(): Promise<string[]> {
    return (await storing(readdir(this.path))).filter((each) => !each.endsWith(TEMPORARY))
  }

  /** Resolves once the file would survive a power failure. Before that, the old file remains. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    await storing(
      (async () => {
        const temporary = join(this.path, `${name}${TEMPORARY}`)
        const file = await open(temporary, 'w')
        try {
          const checksum = Buffer.alloc(CHECKSUM_BYTES)
          checksum.writeUInt32LE(checksumOf(name, bytes))
          await file.writeFile(Buffer.concat([checksum, bytes]))
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(temporary, join(this.path, name))
        await this.#syncNames()
      })(),
    )
  }

  async remove(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const known = await this.list()
    for (const name of names.filter((each) => known.includes(each))) await storing(unlink(join(this.path, name)))
    await storing(this.#syncNames())
  }

  /** Undefined if there is no such file. */
  async read(name: string): Promise<Buffer | undefined> {
    const path = join(this.path, name)
    const all = await storing(
      readFile(path).catch((error) => (error.code === 'ENOENT' ? undefined : Promise.reject(error))),
    )
    if (all === undefined) return undefined
    const bytes = all.subarray(CHECKSUM_BYTES)
    if (all.length < CHECKSUM_BYTES || all.readUInt32LE() !== checksumOf(name, bytes))
      throw new RaftError('ERR_RAFT_CORRUPT', `${path} is damaged: its checksum does not match`)
    return bytes
  }

  /** A rename or a removal is durable once its directory is. */
  async #syncNames(): Promise<void> {
    const directory = await open(this.path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }
}

/** The name is included, so that one file does not pass for another. */
function checksumOf(name: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(name))
}

async function storing<Value>(call: Promise<Value>): Promise<Value> {
  try {
    return await call
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'ERR_RAFT_NO_SPACE' : 'ERR_RAFT_STORAGE'
    throw new RaftError(code, `the directory cannot be read or written: ${cause}`, { cause })
  }
}
