/** `make docs`: builds the site of the documentation into dist.site/html. It needs the tools of site/package.json. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SidebarItem, writeApiPages } from './api-pages.ts'
import { readContents } from './contents.ts'
import { sitePath } from './links.ts'
import { llmsText } from './llms.ts'
import { writePages } from './pages.ts'

const ROOT = join(import.meta.dirname, '..')
const SITE = join(ROOT, 'dist.site')
const PAGES = join(SITE, 'pages')

const { name, description } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, string>
const sections = readContents(ROOT)

rmSync(SITE, { recursive: true, force: true })
mkdirSync(PAGES, { recursive: true })
writePages(ROOT, PAGES)
const api = writeApiPages(ROOT, PAGES)
writeFileSync(join(PAGES, 'public', 'llms.txt'), llmsText(name as string, description as string, sections))
writeFileSync(join(SITE, 'sidebar.json'), JSON.stringify({ ...api, '/': guideSidebar() }))

const vitepress = join(ROOT, 'site/node_modules/vitepress/bin/vitepress.js')
const { status } = spawnSync(process.execPath, [vitepress, 'build', 'site'], { cwd: ROOT, stdio: ['ignore', 2, 2] })
if (status === 0) console.log('dist.site/html; look at it with: node site/node_modules/.bin/vitepress preview site')
process.exitCode = status ?? 1

function guideSidebar(): SidebarItem[] {
  return sections.map(({ title, pages }) => ({
    text: title,
    collapsed: false,
    items: pages.map((page) => ({ text: page.title, link: `/${sitePath(page.path).replace(/(index)?\.md$/, '')}` })),
  }))
}
