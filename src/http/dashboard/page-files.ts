/** Serves the files of a page that is built with the package. */
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HttpHandler, HttpRoutes } from '../http-server.ts'
import { ownHostOnly } from './own-pages.ts'

/** `make build` writes the pages there; the same path leads there from src and from dist. */
const PAGES = new URL('../../../dist/pages/', import.meta.url)

export type PageName = 'dashboard' | 'playground'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/** A page loads its own files only, and no other site may show it in a frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

/** The folder of a page, which works without a server too. */
export function pageFolder(name: PageName): string {
  return fileURLToPath(new URL(name, PAGES))
}

export interface PageOptions {
  /** HTML that is added to the head of the page. */
  readonly head?: string | undefined
  /** Instead of the usual Content Security Policy. */
  readonly policy?: string | undefined
}

/** `/` is the page; its script and style are beside it. */
export function pageRoutes(name: PageName, { head = '', policy = POLICY }: PageOptions = {}): HttpRoutes {
  const file = (path: string): HttpHandler =>
    ownHostOnly(async (_, response) => {
      const text = await readFile(new URL(`${name}/${path}`, PAGES), 'utf8')
      response.writeHead(200, { ...HEADERS, 'content-security-policy': policy, 'content-type': TYPES[extname(path)] })
      response.end(path === 'index.html' ? text.replace('</head>', `${head}</head>`) : text)
    })
  return { '/': file('index.html'), '/page.js': file('page.js'), '/page.css': file('page.css') }
}
