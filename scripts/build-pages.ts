/** Bundles the pages for browsers into a folder: each as an index.html with its script and its style, which load nothing else. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')
const PAGES = join(ROOT, 'pages')
/** What the scripts contain besides our own code. */
const BUNDLED = ['preact', 'uplot']
const target = process.argv[2]
if (target === undefined) throw new Error('the argument is the folder to write to')

for (const name of ['dashboard', 'playground']) {
  const folder = join(target, name)
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(PAGES, name, 'index.html'), join(folder, 'index.html'))
  await build({
    entryPoints: ['main.tsx', 'page.css'].map((file) => ({ in: join(PAGES, name, file), out: 'page' })),
    outdir: folder,
    bundle: true,
    minify: true,
    // Not a module: browsers do not load modules from the files of this computer.
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    conditions: ['browser'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'eof',
    loader: { '.txt': 'text' },
    define: { 'import.meta.url': '"file:///page/page.js"' },
    logLevel: 'warning',
  })
}

const licenses = BUNDLED.map(
  (name) => `${name}\n\n${readFileSync(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8')}`,
)
writeFileSync(join(target, 'LICENSES.txt'), licenses.join('\n'))
