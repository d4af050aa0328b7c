/** The package as linters see it: what npm would publish, judged by publint and by are-the-types-wrong. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { manifest, pack } from './pack.ts'

describe('the published package', function () {
  this.timeout(120_000)

  it('gives publint nothing to say', async () => {
    const { messages, pkg } = await publint({ strict: true, pack: { tarball: tarball().buffer } })
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    )
  })

  it('has types for every subpath, wherever ES modules can be imported', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(tarball()))
    assert.ok(analysis.types !== false, 'the package contains no types')
    assert.deepEqual(Object.keys(analysis.entrypoints), Object.keys(manifest().exports))
    assert.deepEqual(
      analysis.problems.filter((problem) => !isUnsupportedResolution(problem)),
      [],
    )
  })

  it('carries the build, its sources, the wire format, the documents and the papers, and nothing else', () => {
    const { contents } = pack()
    const papers = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json']
    for (const path of [
      ...papers,
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'src/index.ts',
      'docs/reference/errors.md',
    ]) {
      assert.ok(contents.includes(path), `${path} is missing`)
    }
    assert.ok(
      contents.some((path) => /^proto\/.*\.proto$/.test(path)),
      'the .proto files are missing',
    )
    assert.deepEqual(
      contents.filter((path) => !papers.includes(path) && !/^(dist|src|proto|docs)\/[^.]/.test(path)),
      [],
    )
  })
})

function tarball(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(pack().tarball))
}

/** We publish ES modules only. CommonJS may require them as of Node 20.19; resolution older than `exports` is not served. */
function isUnsupportedResolution(problem: { readonly kind: string; readonly resolutionKind?: string }): boolean {
  return problem.kind === 'CJSResolvesToESM' || problem.resolutionKind === 'node10'
}
