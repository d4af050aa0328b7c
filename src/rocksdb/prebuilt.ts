/** Loads the prebuilt addon under releases of Node that its file, as published, crashes: through a corrected private copy. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { RaftError } from '../errors.ts'

/** The last major version of Node under which the prebuilt addon loads as published (tested on Linux x64). */
const PREBUILT_NODE_MAX = 20
const TRIAL_TIMEOUT_MS = 10_000

/** The file of rocksdb 5.2.1 for Linux x64 with glibc. Its own C++ library has the old string ABI; newer releases of Node export the same names. */
const GLIBC_FILE = join('prebuilds', 'linux-x64', 'node.napi.glibc.node')
const GLIBC_SHA256 = '27888aa3d9c93eda11a0960141f34bc192d534120889aeda50b6daa84880b239'
/** The first unused entry of its dynamic section, 16 bytes of zeros that another such entry follows. */
const SPARE_DYNAMIC_ENTRY = 0x62ccb0
/** The tag that makes the dynamic linker look for the symbols of a library in the library itself first. */
const DT_SYMBOLIC = 16

/** What decides how the addon is loaded. */
export interface Platform {
  readonly nodeVersion: string
  readonly platform: string
  readonly arch: string
  /** Whether the C library is musl, which has a prebuilt file of its own. */
  readonly isMusl: boolean
}

/** This process. musl is detected as node-gyp-build detects it, which chooses the prebuilt file. */
export const THIS_PLATFORM: Platform = {
  nodeVersion: process.versions.node,
  platform: process.platform,
  arch: process.arch,
  isMusl: existsSync('/etc/alpine-release'),
}

/**
 * Prepares the addon, so that `require` of the package loads it. `entry` is the file that `require` would load. Throws ERR_RAFT_RUNTIME
 * if loading the addon would crash this process. Returns the exports of the addon if it was loaded from a corrected copy; the caller
 * places them where the package expects its addon. Undefined: the package can load its own file.
 */
export function loadPrebuilt(entry: string, platform: Platform = THIS_PLATFORM): unknown {
  const folder = dirname(entry)
  const isPrebuilt = !existsSync(join(folder, 'build', 'Release'))
  if (!isPrebuilt || Number.parseInt(platform.nodeVersion, 10) <= PREBUILT_NODE_MAX) return undefined
  const corrected = correctedFile(folder, platform)
  if (corrected === undefined) {
    const end = trialEnd('require(process.argv[1])', entry)
    if (end === undefined) return undefined
    throw unloadable(entry, platform, end)
  }
  return loadCopy(corrected, entry, platform)
}

/** The bytes of the prebuilt file with DT_SYMBOLIC; undefined if this platform uses another file, or the file is not the known one. */
function correctedFile(folder: string, { platform, arch, isMusl }: Platform): Buffer | undefined {
  const file = join(folder, GLIBC_FILE)
  if (platform !== 'linux' || arch !== 'x64' || isMusl || !existsSync(file)) return undefined
  const bytes = readFileSync(file)
  if (createHash('sha256').update(bytes).digest('hex') !== GLIBC_SHA256) return undefined
  bytes[SPARE_DYNAMIC_ENTRY] = DT_SYMBOLIC
  return bytes
}

/** Loads the copy from the first folder that permits it: one for temporary files may be mounted noexec or read-only. */
function loadCopy(bytes: Buffer, entry: string, platform: Platform): unknown {
  const failures: string[] = []
  for (const parent of [tmpdir(), dirname(entry), process.cwd()]) {
    let folder: string | undefined
    try {
      folder = mkdtempSync(join(parent, 'quorate-rocksdb-'))
      const copy = join(folder, 'rocksdb.node')
      writeFileSync(copy, bytes, { mode: 0o700 })
      const end = trialEnd('process.dlopen({ exports: {} }, process.argv[1])', copy)
      if (end !== undefined) failures.push(`${parent}: ${end}`)
      else {
        const addon: { exports: unknown } = { exports: {} }
        process.dlopen(addon, copy)
        return addon.exports
      }
    } catch (cause) {
      failures.push(`${parent}: ${(cause as Error).message}`)
    } finally {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    }
  }
  throw unloadable(entry, platform, failures.join('; '))
}

/** Runs a script with one argument in a child process. Returns how the child ended; undefined if it succeeded. */
function trialEnd(script: string, argument: string): string | undefined {
  const { signal, status, error } = spawnSync(process.execPath, ['-e', script, argument], {
    stdio: 'ignore',
    timeout: TRIAL_TIMEOUT_MS,
  })
  if (status === 0) return undefined
  if (error !== undefined && status === null && signal === null)
    return `no test process could be started: ${error.message}`
  return `a test process ended with ${signal ?? `exit code ${status}`}`
}

function unloadable(entry: string, { nodeVersion, platform, arch }: Platform, end: string): RaftError {
  return new RaftError(
    'ERR_RAFT_RUNTIME',
    `the prebuilt addon of rocksdb does not load under Node ${nodeVersion} on ${platform} ${arch}: ${end}`,
    {
      hint: 'build it here with npm rebuild rocksdb --build-from-source (needs python3, make and a C++ compiler, and takes many minutes), or use storage: segments, which needs no native code',
      details: { entry },
    },
  )
}
