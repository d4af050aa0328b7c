/** Builds the Go programs in bench/peers, once per version of their sources, in the user's cache directory. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const PEERS = join(import.meta.dirname, '..', 'peers')
const BUILD_TIMEOUT_MS = 600_000
const run = promisify(execFile)

/** Resolves with the path of the program. Rejects with the reason in one line if it cannot be built here. */
export async function peerBinary(name: string): Promise<string> {
  const version = await versionOf([join(PEERS, name), join(PEERS, 'load')])
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'quorate-bench')
  const path = join(folder, `${name}-${version}`)
  if (existsSync(path)) return path
  await mkdir(folder, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  const options = { cwd: join(PEERS, name), timeout: BUILD_TIMEOUT_MS, env: { ...process.env, GOTOOLCHAIN: 'local' } }
  try {
    await run('go', ['build', '-buildvcs=false', '-mod=readonly', '-o', unfinished, '.'], options)
  } catch (error) {
    throw new Error(reasonOf(name, error as NodeJS.ErrnoException & { readonly stderr?: string }))
  }
  await rename(unfinished, path)
  return path
}

/** A hash of all files of the folders. */
async function versionOf(folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of folders)
    for (const file of (await readdir(folder)).sort())
      hash.update(`${file}\n`).update(await readFile(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}

function reasonOf(name: string, error: NodeJS.ErrnoException & { readonly stderr?: string }): string {
  if (error.code === 'ENOENT') return 'Go is not installed: there is no `go` on the PATH'
  const lines = (error.stderr ?? '').split('\n').filter((line) => line !== '' && !/^go: downloading|^#/.test(line))
  return `bench/peers/${name} does not build: ${lines[0] ?? error.message}`
}
