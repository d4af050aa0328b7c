/** A disk of its own that can be filled: a tmpfs, where one may be mounted. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A node needs 128 MiB free to take writes; this leaves it some for its data. */
const SIZE_MIB = 288

const mounted = new Set<TinyDisk>()

process.once('exit', () => {
  for (const disk of mounted) disk.unmount()
})

export class TinyDisk {
  readonly path: string
  readonly #ballast: string

  private constructor(path: string) {
    this.path = path
    this.#ballast = join(path, 'ballast')
  }

  /** Undefined where nothing may be mounted. */
  static mount(path: string): TinyDisk | undefined {
    mkdirSync(path)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'quorate-chaos', path], { stdio: 'ignore' })
    } catch {
      rmSync(path, { recursive: true })
      return undefined
    }
    const disk = new TinyDisk(path)
    mounted.add(disk)
    return disk
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  /** Leaves about this much. */
  fill(leaveBytes: number): void {
    const bytes = this.freeBytes - leaveBytes
    if (bytes > 0) execFileSync('fallocate', ['-l', `${bytes}`, this.#ballast])
  }

  clear(): void {
    writeFileSync(this.#ballast, '')
    truncateSync(this.#ballast)
    rmSync(this.#ballast)
  }

  /** Once no process has a file open there. */
  unmount(): void {
    if (!mounted.delete(this)) return
    unmount(this.path)
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Takes away every disk that is mounted in this directory, whoever has done so; throws if one stays. */
export function unmountWithin(directory: string): void {
  const { dev } = statSync(directory)
  const paths = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(directory, name))
  for (const path of paths) if (statSync(path).dev !== dev) unmount(path)
}

function unmount(path: string): void {
  execFileSync('umount', ['--lazy', path], { stdio: 'ignore' })
}
