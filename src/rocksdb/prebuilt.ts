/** Checks in a child process whether the prebuilt addon loads: under some newer releases of Node, loading it crashes the process. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { RaftError } from '../errors.ts'

/** The last major version of Node under which the prebuilt addon is known to load (tested on Linux x64). */
const PREBUILT_NODE_MAX = 20
const TRIAL_TIMEOUT_MS = 10_000

/** Throws ERR_RAFT_RUNTIME if loading the addon would crash this process. `entry` is the file that `require` would load. */
export function assertLoadable(entry: string, nodeVersion: string = process.versions.node): void {
  const isPrebuilt = !existsSync(join(dirname(entry), 'build', 'Release'))
  if (!isPrebuilt || Number.parseInt(nodeVersion, 10) <= PREBUILT_NODE_MAX) return
  const { signal, status } = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', entry], {
    stdio: 'ignore',
    timeout: TRIAL_TIMEOUT_MS,
  })
  if (status === 0) return
  const end = signal ?? `exit code ${status}`
  throw new RaftError(
    'ERR_RAFT_RUNTIME',
    `the prebuilt addon of rocksdb does not load under Node ${nodeVersion} on ${process.platform} ${process.arch}: a test process ended with ${end}`,
    {
      hint: 'build it here with npm rebuild rocksdb --build-from-source (needs python3, make and a C++ compiler, and takes many minutes), or run Node 20; the in-memory storage (quorate/memory) works without it',
      details: { entry },
    },
  )
}
