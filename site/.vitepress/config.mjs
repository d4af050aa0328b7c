/** The configuration of VitePress. build.ts has written the pages and the sidebar to dist.site. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const SITE = join(import.meta.dirname, '../../dist.site')
const sidebar = JSON.parse(readFileSync(join(SITE, 'sidebar.json'), 'utf8'))

export default {
  title: 'quorate',
  description: 'Raft consensus for Node.js',
  srcDir: join(SITE, 'pages'),
  outDir: join(SITE, 'html'),
  cacheDir: join(SITE, 'cache'),
  // The copies in public/ are for programs; they are not pages.
  srcExclude: ['public/**'],
  metaChunk: true,
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Documentation', link: '/' },
      { text: 'API', link: '/api/' },
      { text: 'Playground', link: '/playground/index.html', target: '_self' },
      { text: 'Changelog', link: '/repository/CHANGELOG' },
    ],
    sidebar,
  },
}
