/** Releases of Node.js, downloaded once as packages of npm into a folder outside of the repository. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The npm that each release comes with. */
const NPM_OF: Readonly<Record<string, string>> = { 20: '10', 22: '10', 24: '11', 26: '12' }

/** Offline, npm tries again for minutes. */
const DOWNLOAD_TIMEOUT_MS = 180_000

export interface NodeRelease {
  /** The folder with the program `node`. */
  readonly bin: string
  /** The script that is the program npm of this release. */
  readonly npm: string
}

/** Installs a release, such as 24 or 24.21.0, unless that was done before. Returns undefined if npm could not, after it printed why. */
export function nodeRelease(wanted: string): NodeRelease | undefined {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const folder = join(cache, 'quorate', `node-${wanted}`)
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const release = {
    bin: join(folder, 'node_modules', name, 'bin'),
    npm: join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  }
  if (existsSync(release.bin) && existsSync(release.npm)) return release
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const quiet = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--engine-strict=false',
    '--fetch-retries=1',
  ]
  const packages = [`${name}@${wanted}`, `npm@${NPM_OF[wanted.split('.')[0] as string] ?? 'latest'}`]
  const { status } = spawnSync('npm', ['install', ...quiet, ...packages], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    timeout: DOWNLOAD_TIMEOUT_MS,
  })
  if (status === 0) return release
  console.error(`npm could not install ${packages.join(' and ')}`)
  return undefined
}
