/**
 * `make release VERSION=0.2.0`: dates the changelog, sets the version, commits, tags and packs. It publishes nothing: it prints the commands that do.
 * Nothing is changed unless the tree is clean and all checks pass, the site is built, and programs compile with every supported TypeScript; `CHECKS=no` skips those
 * that `.ci/run` has just passed.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { datedChangelog, nextVersionProblem } from './release/release-files.ts'

const version = process.env.VERSION ?? ''
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
const changelog = readFileSync('CHANGELOG.md', 'utf8')
const today = new Date().toISOString().slice(0, 10)

const problem = nextVersionProblem(manifest.version, version, changelog)
if (problem !== undefined) stop(problem)
if (output('git', 'status', '--porcelain') !== '')
  stop('the working tree is not clean: commit or remove the changes first')
if (output('git', 'tag', '--list', `v${version}`) !== '') stop(`the tag v${version} exists already`)
if (process.env.CHECKS !== 'no') run('env', 'LONG_TESTS=1', '.ci/run')
// The CI runs neither of these: the first installs the packages of the site, the second releases of TypeScript.
run('make', 'docs')
run('make', 'smoke-types')

run('node', '--import', 'tsx', 'scripts/freeze-formats.ts')
writeFileSync('CHANGELOG.md', datedChangelog(changelog, version, today))
run('npm', 'version', '--no-git-tag-version', '--allow-same-version', version)
run('git', 'add', '--all')
run('git', 'commit', '--message', `release: ${version}`)
run('git', 'tag', '--annotate', `v${version}`, '--message', `quorate ${version}`)
run('make', 'build')
run('npm', 'pack')

console.log(`
${version} is committed, tagged and packed. To publish it:

  git push origin HEAD v${version}
  npm publish quorate-${version}.tgz --provenance --access public

--provenance works in a workflow with an OpenID token, such as that of GitHub; leave it out elsewhere.`)

function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) stop(`${command} ${args.join(' ')} failed: ${stderr}`)
  return stdout.trim()
}

function run(command: string, ...args: string[]): void {
  console.log(`$ ${command} ${args.join(' ')}`)
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) stop(`${command} ${args.join(' ')} failed; git diff shows what has been changed so far`)
}

function stop(reason: string): never {
  console.error(`release: ${reason}`)
  process.exit(1)
}
