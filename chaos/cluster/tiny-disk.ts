/** A small file system for one node that can be filled: a tmpfs, if this process may mount one. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A node needs 128 MiB free to accept writes; the rest is for its data. */
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

  /** Undefined if this process may not mount file systems. */
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

  /** Fills the disk up to about `leaveBytes` free bytes. */
  fill(leaveBytes: number): void {
    const bytes = this.freeBytes - leaveBytes
    if (bytes > 0) execFileSync('fallocate', ['-l', `${bytes}`, this.#ballast])
  }

  /** Frees what `fill` has used. */
  clear(): void {
    writeFileSync(this.#ballast, '')
    truncateSync(this.#ballast)
    rmSync(this.#ballast)
  }

  /** Must be called only after all processes have closed their files there. */
  unmount(): void {
    if (!mounted.delete(this)) return
    unmount(this.path)
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Unmounts every file system that is mounted directly in this directory. Throws if one cannot be unmounted. */
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
