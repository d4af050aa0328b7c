/** A budget for the code of each subpath, minified, without the packages that it imports: growth is a decision. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '../..')

/** Kilobytes (1000 bytes), with what is loaded when it is first used. A gzipped bundle has about a third. */
const BUDGETS_KB: Readonly<Record<string, number>> = {
  '.': 455,
  './core': 72,
  './memory': 240,
  './grpc': 110,
  './tcp': 75,
  './rocksdb': 55,
  './segments': 62,
  './client': 66,
  './linearizability': 52,
  './recipes': 43,
  './metrics': 22,
  './opentelemetry': 30,
  './http': 20,
  './testing': 600,
}

describe('the size of', function () {
  this.timeout(60_000)
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, { readonly default: string } | string>>
  }
  const modules = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string' ? [] : [{ subpath, file: target.default }],
  )

  for (const { subpath, file } of modules)
    it(`${subpath.replace(/^\./, 'quorate')} is within its budget`, async () => {
      const { outputFiles } = await build({
        ...{ entryPoints: [join(ROOT, file)], bundle: true, minify: true, format: 'esm', platform: 'node' },
        ...{ packages: 'external', write: false, logLevel: 'silent' },
      })
      const kilobytes = (outputFiles[0]?.contents.length ?? 0) / 1000
      const budget = BUDGETS_KB[subpath] ?? 0
      assert.ok(kilobytes > budget / 2 && kilobytes <= budget, `${kilobytes} KB, and the budget is ${budget} KB`)
    })
})
