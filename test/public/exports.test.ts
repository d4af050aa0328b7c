/** Tests what each subpath exports and loads, and that the core runs without Node.js. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { type BuildOptions, build } from 'esbuild'
import ts from 'typescript'
import { EXPORTED_NAMES } from './exported-names.ts'
import { manifest, ROOT, run } from './pack.ts'

const HEAVY_MODULES =
  /node_modules\/(@grpc|protobufjs|@protobufjs|rocksdb|commander|cli-table3|@peculiar|reflect-metadata)\/|\.node$/

describe('the exported names', function () {
  this.timeout(60_000)
  let actual: ReadonlyMap<string, readonly string[]>
  before(() => {
    actual = exportedNames()
  })

  for (const [subpath, names] of Object.entries(EXPORTED_NAMES)) {
    it(`of ${subpath} are those in exported-names.ts`, () => {
      assert.deepEqual(
        actual.get(subpath),
        Object.keys(names).sort(),
        'list a new name with its reason, or do not export it',
      )
    })
  }

  it('are listed for every subpath', () => {
    assert.deepEqual([...actual.keys()].sort(), Object.keys(EXPORTED_NAMES).sort())
  })
})

describe('importing', function () {
  this.timeout(60_000)

  for (const subpath of ['', '/core', '/memory', '/linearizability', '/recipes', '/testing'].map(
    (each) => `quorate${each}`,
  )) {
    it(`${subpath} loads no native addon and no gRPC`, () => {
      assert.deepEqual(heavyModulesLoadedBy(`await import('${subpath}')`), [])
    })
  }

  for (const subpath of ['quorate/grpc', 'quorate/rocksdb', 'quorate/client']) {
    it(`${subpath} loads no native addon before it is used`, () => {
      const addons = heavyModulesLoadedBy(`await import('${subpath}')`).filter((path) => path.endsWith('.node'))
      assert.deepEqual(addons, [])
    })
  }

  it('of gRPC and RocksDB is detected by this test', () => {
    assert.match(heavyModulesLoadedBy(`await import('@grpc/grpc-js')`).join(), /@grpc\/grpc-js/)
    // Not the package itself, which ends the process under some releases of Node.js.
    const load = `await import('./dist/rocksdb/binding.js').then(({ loadBinding }) => loadBinding())`
    assert.match(heavyModulesLoadedBy(load).join(), /\.node/)
  })
})

describe('quorate/linearizability in a browser', () => {
  it('is bundled without replacements for modules of Node.js', async () => {
    const { warnings } = await bundle('dist/linearizability/index.js')
    assert.deepEqual(warnings, [])
  })
})

/** About 20 KB when compressed. Raise it only for what a node needs. */
const CORE_BYTES_MAX = 72_000

describe('the core in a browser', function () {
  this.timeout(60_000)

  it(`has at most ${CORE_BYTES_MAX} bytes when minified`, async () => {
    const { outputFiles } = await bundle('dist/core/index.js', { minify: true, format: 'esm' })
    const bytes = outputFiles[0]?.contents.length ?? 0
    assert.ok(bytes > 0 && bytes <= CORE_BYTES_MAX, `it has ${bytes}`)
  })

  it('is bundled without polyfills and without warnings', async () => {
    const { warnings } = await bundle('dist/core/index.js')
    assert.deepEqual(warnings, [])
  })

  it('loads in a context with only the globals of JavaScript', async () => {
    const { outputFiles } = await bundle('dist/core/index.js')
    const code = outputFiles[0]?.text ?? ''
    const core = runInNewContext(`${code}; core`) as Record<string, unknown>
    assert.equal(typeof core.Raft, 'function')
  })
})

/** The exported names of each subpath of package.json, values and types, as TypeScript sees them in the sources. */
function exportedNames(): ReadonlyMap<string, readonly string[]> {
  const subpaths = Object.keys(manifest().exports).filter((subpath) => subpath !== './package.json')
  const { paths = {}, ...options } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile).config
    .compilerOptions
  const files = subpaths.map((subpath) => join(ROOT, paths[subpath.replace(/^\./, 'quorate')]?.[0] ?? ''))
  const { options: compilerOptions } = ts.convertCompilerOptionsFromJson(options, ROOT)
  const program = ts.createProgram(files, compilerOptions)
  const checker = program.getTypeChecker()
  return new Map(
    subpaths.map((subpath, at) => {
      const file = program.getSourceFile(files[at] ?? '')
      const symbol = file && checker.getSymbolAtLocation(file)
      const names = symbol === undefined ? [] : checker.getExportsOfModule(symbol).map(({ name }) => name)
      return [subpath.replace(/^\./, 'quorate'), names.sort()]
    }),
  )
}

/** The heavy packages and addons that a new process loads when it runs this statement. */
function heavyModulesLoadedBy(statement: string): string[] {
  const probe = `
    import { Module } from 'node:module'
    const loaded = []
    const { dlopen } = process
    process.dlopen = (module, file, ...rest) => { loaded.push(file); return dlopen.call(process, module, file, ...rest) }
    ${statement}
    console.log(JSON.stringify([...Object.keys(Module._cache), ...loaded]))
    process.exit(0)`
  const { status, stdout, stderr } = run(process.execPath, ['--input-type=module', '--eval', probe], ROOT)
  assert.equal(status, 0, stderr)
  const paths = JSON.parse(stdout) as string[]
  return paths.map((path) => path.replace(`${ROOT}/`, '')).filter((path) => HEAVY_MODULES.test(path))
}

function bundle(entry: string, options: BuildOptions = {}) {
  return build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'core',
    logLevel: 'silent',
    ...options,
    write: false,
  })
}
