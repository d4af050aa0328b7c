/** Tests what each subpath exports and loads, and that the core runs without Node.js. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { build } from 'esbuild'
import { ROOT, run } from './pack.ts'

const HEAVY_MODULES = /node_modules\/(@grpc|protobufjs|@protobufjs|rocksdb|commander|cli-table3)\/|\.node$/

describe('importing', function () {
  this.timeout(60_000)

  for (const subpath of ['quorate', 'quorate/core', 'quorate/memory', 'quorate/linearizability', 'quorate/testing']) {
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
    assert.match(heavyModulesLoadedBy(`await import('rocksdb')`).join(), /\.node/)
  })
})

describe('the core in a browser', function () {
  this.timeout(60_000)

  it('is bundled without polyfills and without warnings', async () => {
    const bundle = await bundleCore()
    assert.deepEqual(bundle.warnings, [])
  })

  it('loads in a context with only the globals of JavaScript', async () => {
    const { outputFiles } = await bundleCore()
    const code = outputFiles[0]?.text ?? ''
    const core = runInNewContext(`${code}; core`) as Record<string, unknown>
    assert.equal(typeof core.Raft, 'function')
  })
})

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

function bundleCore() {
  return build({
    entryPoints: [join(ROOT, 'dist/core/index.js')],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'core',
    write: false,
    logLevel: 'silent',
  })
}
