/** Bundles the page, and serves it on loopback: `npx tsx examples/browser-cluster/main.ts --port 8080` */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } })

const { outputFiles } = await build({
  ...{ entryPoints: [new URL('page.ts', import.meta.url).pathname], bundle: true, format: 'esm', platform: 'browser' },
  ...{ target: 'es2022', write: false },
})
const script = outputFiles[0]?.contents
const page = readFileSync(new URL('page.html', import.meta.url))

createServer(({ url }, response) => {
  if (url === '/page.js') response.setHeader('content-type', 'text/javascript').end(script)
  else if (url === '/') response.setHeader('content-type', 'text/html').end(page)
  else response.writeHead(404).end()
}).listen(Number(values.port), '127.0.0.1', () => console.log(`open http://127.0.0.1:${values.port}/`))
