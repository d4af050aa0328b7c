/** Runs a command under another release of Node.js: node --import tsx scripts/with-node.ts 24 COMMAND… The binary comes from npm. */
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { nodeRelease } from './node-release.ts'

const ROOT = join(import.meta.dirname, '..')
const [wanted, program, ...args] = process.argv.slice(2)
if (wanted === undefined || program === undefined) {
  console.error('usage: with-node.ts RELEASE COMMAND…, such as: with-node.ts 24 npx mocha')
  process.exit(64)
}

const release = nodeRelease(wanted)
if (release === undefined) process.exit(69)
const env = { ...process.env, PATH: `${release.bin}${delimiter}${process.env.PATH}` }
const { stdout: version } = spawnSync('node', ['--version'], { env, encoding: 'utf8' })
console.error(`Node.js ${version.trim()}`)
process.exitCode = spawnSync(program, args, { env, cwd: ROOT, stdio: 'inherit' }).status ?? 1
