/**
 * `make smoke-types`: compiles a program that imports every subpath with several releases of TypeScript, in each way to resolve modules that
 * supports `exports`, as an ES module and from CommonJS.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProject, manifest, run } from '../test/public/pack.ts'

const RELEASES = process.argv.length > 2 ? process.argv.slice(2) : ['5.4', '5.9', '6.0']
/** CommonJS can require an ES module with `nodenext` of TypeScript 5.8 and later; before, its types are for `import` only. */
const REQUIRE_SINCE = 5.8
const RESOLUTIONS: Readonly<Record<string, readonly string[]>> = {
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
  node16: ['--module', 'node16', '--moduleResolution', 'node16'],
  nodenext: ['--module', 'nodenext', '--moduleResolution', 'nodenext'],
}

const aliases = RELEASES.map((release) => `typescript-${release}@npm:typescript@${release}`)
const project = createProject('typescript-versions', ['fast-check', 'rocksdb'], aliases)
const subpaths = Object.keys(manifest().exports).filter((path) => path !== './package.json')
const names = subpaths.map((path) => path.replace(/^\./, 'quorate'))
const imports = names.map((name, at) => `import * as part${at} from '${name}'`)
writeFileSync(join(project, 'all.ts'), `${imports.join('\n')}\nexport default [${names.map((_, at) => `part${at}`)}]\n`)
writeFileSync(join(project, 'common.cts'), `import core = require('quorate/core')\nexport const raft = core.Raft\n`)

let failures = 0
for (const release of RELEASES)
  for (const [name, options] of Object.entries(RESOLUTIONS)) {
    const files = name === 'nodenext' && Number(release) >= REQUIRE_SINCE ? ['all.ts', 'common.cts'] : ['all.ts']
    const compiler = join(project, 'node_modules', `typescript-${release}`, 'bin/tsc')
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node']
    const { stdout } = run(process.execPath, [compiler, ...strict, ...options, ...files], project)
    // Without --skipLibCheck, so that our declarations are checked; errors in those of other packages are not ours.
    const errors = stdout
      .split('\n')
      .filter((line) => line.includes('error TS') && !/^node_modules\/(?!quorate\/)/.test(line))
    console.log(`TypeScript ${release}, ${name}, ${files.join(' and ')}: ${errors.length === 0 ? 'passed' : 'FAILED'}`)
    if (errors.length > 0) {
      failures++
      console.log(errors.join('\n'))
    }
  }
process.exitCode = failures === 0 ? 0 : 1
