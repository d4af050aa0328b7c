/** Tests the table of contents of the site, and the places of files and links on it, without building the site. */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sidebarsOf } from '../../site/api-pages.ts'
import { documentPaths, readContents } from '../../site/contents.ts'
import { linkedPaths, rewriteLinks, sitePath } from '../../site/links.ts'
import { llmsText } from '../../site/llms.ts'

const ROOT = join(import.meta.dirname, '../..')
const isFolder = (path: string) => existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isDirectory()

describe('the contents of the site', () => {
  const sections = readContents(ROOT)
  const pages = sections.flatMap((section) => section.pages)

  it('have every page of docs/, once', () => {
    const listed = pages.map(({ path }) => path).filter((path) => path.startsWith('docs/'))
    assert.deepEqual(listed.sort(), documentPaths(ROOT), 'each page needs a row in docs/README.md')
  })

  it('have the sections of the index, with titles that fit a sidebar', () => {
    assert.deepEqual(
      sections.map(({ title }) => title),
      ['Start', 'How to', 'Reference', 'Explanation'],
    )
    for (const { title } of pages) assert.match(title, /^[A-Z0-9][^`|[\]]{2,70}$/)
  })

  it('have one line for each page in llms.txt', () => {
    const lines = llmsText('quorate', 'Raft', sections).split('\n')
    assert.equal(lines.filter((line) => line.startsWith('- [')).length, pages.length)
    assert.ok(lines.includes('- [TLS](/how-to/tls.md): encrypt connections, and make certificates'))
  })
})

describe('a file of the repository', () => {
  it('has a place on the site', () => {
    for (const [path, place] of [
      ['docs/README.md', 'index.md'],
      ['docs/how-to/tls.md', 'how-to/tls.md'],
      ['docs/explanation/proposal.svg', 'explanation/proposal.svg'],
      ['README.md', 'repository/index.md'],
      ['CONTRIBUTING.md', 'repository/CONTRIBUTING.md'],
      ['bench/README.md', 'repository/bench/index.md'],
      ['src/core/raft.ts', 'repository/src/core/raft.ts.txt'],
    ] as const)
      assert.equal(sitePath(path), place)
  })
})

describe('the links of a page', () => {
  it('lead to the places of their targets', () => {
    const rewritten = (text: string) => rewriteLinks('docs/how-to/tls.md', text, isFolder)
    assert.equal(rewritten('[a](../reference/errors.md#calls)'), '[a](../reference/errors.md#calls)')
    assert.equal(rewritten('[a](../README.md) [b](deploy.md)'), '[a](../index.md) [b](./deploy.md)')
    assert.equal(rewritten('[a](../../README.md)'), '[a](../repository/index.md)')
    assert.equal(rewritten('[a](../../ops/docker/Dockerfile)'), '[a](../repository/ops/docker/Dockerfile.txt)')
    assert.equal(rewritten('[a](../../src/kv/)'), '[a](../repository/src/kv/index.md)')
  })

  it('stay as they are within the page, to other sites and in code', () => {
    for (const text of ['[a](#b)', '[a](https://example.org/b.md)', '`[a](b.md)`', '```\n[a](b.md)\n```\n'])
      assert.equal(rewriteLinks('docs/a.md', text, isFolder), text)
  })

  it('are followed, without their anchors', () => {
    assert.deepEqual(linkedPaths('docs/how-to/a.md', '[a](../b.md#c) ![d](e.svg) [f](#g) `[h](i.md)`'), [
      'docs/b.md',
      'docs/how-to/e.svg',
    ])
  })
})

describe('the sidebars of the API', () => {
  const group = { text: 'Classes', items: [{ text: 'Raft', link: '/api/quorate/core/classes/Raft.md' }] }
  const sidebars = sidebarsOf({
    text: 'quorate',
    link: '/api/quorate/',
    items: [
      { text: 'Functions', items: [] },
      { text: 'core', link: '/api/quorate/core/', items: [group] },
    ],
  })

  it('name all subpaths, and show the names of their own', () => {
    assert.deepEqual(Object.keys(sidebars), ['/api/', '/api/quorate/', '/api/quorate/core/'])
    assert.deepEqual(sidebars['/api/quorate/core/'], [
      { text: 'quorate', link: '/api/quorate/' },
      { text: 'quorate/core', link: '/api/quorate/core/', items: [{ ...group, collapsed: false }] },
    ])
    assert.deepEqual(
      sidebars['/api/']?.map(({ text, items }) => [text, items]),
      [
        ['quorate', undefined],
        ['quorate/core', undefined],
      ],
    )
  })
})
