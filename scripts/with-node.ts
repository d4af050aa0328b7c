/** Runs a command under another release of Node.js: node --import tsx scripts/with-node.ts 24 COMMAND… The binary comes from npm. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const [release, program, ...args] = process.argv.slice(2)
if (release === undefined || program === undefined) {
  console.error('usage: with-node.ts RELEASE COMMAND…, such as: with-node.ts 24 npx mocha')
  process.exit(64)
}

const bin = installedNode(release)
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
const { stdout: version } = spawnSync('node', ['--version'], { env, encoding: 'utf8' })
console.error(`Node.js ${version.trim()}`)
process.exitCode = spawnSync(program, args, { env, cwd: ROOT, stdio: 'inherit' }).status ?? 1

/** The folder of the binary of this release, such as 24 or 24.21.0; it is downloaded once. */
function installedNode(wanted: string): string {
  const folder = join(ROOT, 'node_modules', '.cache', 'quorate-node', wanted)
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const found = join(folder, 'node_modules', name, 'bin')
  if (existsSync(found)) return found
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', ['install', ...quiet, `${name}@${wanted}`], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) {
    console.error(`npm could not install ${name}@${wanted}`)
    process.exit(69)
  }
  return found
}
