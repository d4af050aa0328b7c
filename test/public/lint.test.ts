/** Tests the package that npm would publish with publint and are-the-types-wrong. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { describeLong } from '../long.ts'
import { manifest, pack } from './pack.ts'

describeLong('the published package', function () {
  this.timeout(120_000)

  it('passes publint without messages', async () => {
    const { messages, pkg } = await publint({ strict: true, pack: { tarball: tarball().buffer } })
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    )
  })

  it('has types for every subpath in every resolution mode that supports ES modules', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(tarball()))
    assert.ok(analysis.types !== false, 'the package contains no types')
    assert.deepEqual(Object.keys(analysis.entrypoints), Object.keys(manifest().exports))
    assert.deepEqual(
      analysis.problems.filter((problem) => !isUnsupportedResolution(problem)),
      [],
    )
  })

  it('contains the build, the sources, the .proto files, the documentation, the examples and the files for operators, and nothing else', () => {
    const { contents } = pack()
    const topLevelFiles = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json']
    for (const path of [
      ...topLevelFiles,
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      ...['dashboard', 'playground'].flatMap((page) =>
        ['index.html', 'page.js', 'page.css'].map((file) => `dist/pages/${page}/${file}`),
      ),
      'dist/pages/LICENSES.txt',
      'src/index.ts',
      'docs/reference/errors.md',
      'examples/key-values/node.ts',
    ]) {
      assert.ok(contents.includes(path), `${path} is missing`)
    }
    assert.ok(
      contents.some((path) => /^proto\/.*\.proto$/.test(path)),
      'the .proto files are missing',
    )
    assert.deepEqual(
      contents.filter(
        (path) => !topLevelFiles.includes(path) && !/^(dist|src|proto|docs|ops|examples)\/[^.]/.test(path),
      ),
      [],
    )
  })
})

function tarball(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(pack().tarball))
}

/** The package contains only ES modules. CommonJS can require them since Node.js 20.19; resolution without `exports` is not supported. */
function isUnsupportedResolution(problem: { readonly kind: string; readonly resolutionKind?: string }): boolean {
  return problem.kind === 'CJSResolvesToESM' || problem.resolutionKind === 'node10'
}
